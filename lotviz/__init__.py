"""lotviz: cohorts of single-cell samples, made comparable by linear optimal transport.

The names below are the whole public interface; each is loaded when it is first used, so that
``import lotviz`` and ``lotviz --help`` cost nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lotviz.analysis.classify import classify
    from lotviz.analysis.interaction import interaction
    from lotviz.data import Cohort, CohortError, read_cohort
    from lotviz.data.simulate import simulate
    from lotviz.transport import LOTEmbedding, embed, embed_sizes

__version__ = "0.1.0"

_HOME = {
    "Cohort": "lotviz.data",
    "CohortError": "lotviz.data",
    "read_cohort": "lotviz.data",
    "simulate": "lotviz.data",
    "LOTEmbedding": "lotviz.transport",
    "embed": "lotviz.transport",
    "embed_sizes": "lotviz.transport",
    "classify": "lotviz.analysis.classify",
    "interaction": "lotviz.analysis.interaction",
}

__all__ = [
    "Cohort",
    "CohortError",
    "LOTEmbedding",
    "classify",
    "embed",
    "embed_sizes",
    "interaction",
    "read_cohort",
    "simulate",
]


def __getattr__(name: str) -> Any:
    """Load a public name from the room it lives in."""
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'lotviz' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
