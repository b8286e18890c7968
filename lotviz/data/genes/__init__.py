"""Counts of genes as a few principal components that stand for markers, their loadings kept."""
