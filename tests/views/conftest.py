"""How a picture is looked into without a browser: its parts, its options, and what Bokeh makes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import holoviews as hv
import pytest

THEMES = ("light", "dark")


def parts(picture: Any, kind: type) -> list[Any]:
    """Return the elements of a kind in a picture, in the order they are drawn."""
    return [element for element in picture if isinstance(element, kind)]


def options(element: Any, group: str = "plot") -> dict[str, Any]:
    """Return the options that hold for an element."""
    return dict(hv.Store.lookup_options("bokeh", element, group).kwargs)


def rows(element: Any) -> list[tuple[Any, ...]]:
    """Return the rows of a table of marks, one tuple each."""
    return list(element.array(element.dimensions()).tolist()) if len(element) else []


@pytest.fixture
def drawn() -> Callable[[Any], Any]:
    """Draw a picture as the page does, up to the Bokeh figure; a warning on the way is an error."""
    return hv.render
