"""What a hand does to a picture, handed on as plain values."""

from __future__ import annotations

from collections.abc import Callable

import holoviews as hv
import numpy as np


def on_tap(marks: hv.Element, action: Callable[[int], None]) -> None:
    """Call `action` with the row of a mark that is tapped.

    The stream must be made in the session that shows the marks: one that is shared would answer for all of them.
    """

    def tapped(index: list[int]) -> None:
        if index:
            action(int(index[-1]))

    hv.streams.Selection1D(source=marks).add_subscriber(tapped)


def on_lasso(picture: hv.Overlay, action: Callable[[np.ndarray], None]) -> None:
    """Call `action` with the corners, (k, 2), of a line that a hand draws round cells, when the hand lets go.

    Which cells lie inside is found out by `lotviz.analysis.selection.inside_polygon`: the browser has an image only.
    Drawing needs no tool to be chosen first.
    """

    def drawn(geometry: np.ndarray | None) -> None:
        if geometry is not None:
            action(np.asarray(geometry, dtype=float))

    cells = next(iter(picture))
    cells.opts(tools=["lasso_select"])
    hv.streams.Lasso(source=cells).add_subscriber(drawn)
