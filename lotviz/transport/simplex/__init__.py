"""An exact transportation simplex for few reference points and many cells, compiled by numba."""

from lotviz.transport.simplex.solver import NoOptimumError, Optimum, optimum

__all__ = ["NoOptimumError", "Optimum", "optimum"]
