"""What a hand does to a picture, handed on as plain values."""

from __future__ import annotations

from collections.abc import Callable

import holoviews as hv


def on_tap(marks: hv.Points, action: Callable[[int], None]) -> None:
    """Call `action` with the row of a mark that is tapped.

    The stream must be made in the session that shows the marks: one that is shared would answer for all of them.
    """

    def tapped(index: list[int]) -> None:
        if index:
            action(int(index[-1]))

    hv.streams.Selection1D(source=marks).add_subscriber(tapped)
