"""AnnData files (h5ad, zarr), read in place."""
