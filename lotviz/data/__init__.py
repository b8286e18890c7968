"""The data room: cohorts read from files or simulated, their transforms and scaling, and what is wrong with them."""

from lotviz.data.cohort import ArraySource, CellSource, Cohort
from lotviz.data.formats import write_cells
from lotviz.data.genes.components import Components, fit_components, refit
from lotviz.data.problems import CohortError, Problem
from lotviz.data.quality.check import Validation, check, validate
from lotviz.data.quality.look import Quality, look_through
from lotviz.data.read import read_cohort
from lotviz.data.roles import resolve_role
from lotviz.data.simulate import simulate, truth_in_words
from lotviz.data.tables.draft import draft_sheet
from lotviz.data.tables.sheet import check_sheet, write_sheet
from lotviz.data.transforms.logicle import Logicle
from lotviz.data.transforms.marker_density import MarkerDensity, preview_marker
from lotviz.data.transforms.transform import MarkerTransforms, Scaling, Transform, fit_scaling
from lotviz.data.write import write_cohort

__all__ = [
    "ArraySource",
    "CellSource",
    "Cohort",
    "CohortError",
    "Components",
    "Logicle",
    "MarkerDensity",
    "MarkerTransforms",
    "Problem",
    "Quality",
    "Scaling",
    "Transform",
    "Validation",
    "check",
    "check_sheet",
    "draft_sheet",
    "fit_components",
    "fit_scaling",
    "look_through",
    "preview_marker",
    "read_cohort",
    "refit",
    "resolve_role",
    "simulate",
    "truth_in_words",
    "validate",
    "write_cells",
    "write_cohort",
    "write_sheet",
]
