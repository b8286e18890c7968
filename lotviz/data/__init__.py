"""The data room: cohorts read from files or simulated, their transforms and scaling, and what is wrong with them."""

from lotviz.data.check import Validation, check, validate
from lotviz.data.cohort import ArraySource, CellSource, Cohort
from lotviz.data.problems import CohortError, Problem
from lotviz.data.read import read_cohort
from lotviz.data.roles import resolve_role
from lotviz.data.simulate import simulate, truth_in_words
from lotviz.data.transforms import Scaling, Transform, fit_scaling
from lotviz.data.write import write_cohort

__all__ = [
    "ArraySource",
    "CellSource",
    "Cohort",
    "CohortError",
    "Problem",
    "Scaling",
    "Transform",
    "Validation",
    "check",
    "fit_scaling",
    "read_cohort",
    "resolve_role",
    "simulate",
    "truth_in_words",
    "validate",
    "write_cohort",
]
