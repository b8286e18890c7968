"""Panes that are filled once their page is on the screen: a moment's work at a time, and clicks get their turn between.

A page of many pictures takes a second or two to draw. Drawn in one go it held the event loop as long: no click was
taken, no other browser was answered, and of the work under way nothing was seen.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from lotviz.app.frame import Live

A_MOMENT = 0.1  # seconds; the pane that is begun within it is finished


class Later:
    """What is still to be filled.

    Parameters
    ----------
    fill
        Fills one pane; must not raise.
    ready
        Whether a pane can be filled yet.
    turn
        Calls back after what else there is to do; told whether it is enough to do so after a while.
    """

    def __init__(
        self,
        fill: Callable[[Live], None],
        ready: Callable[[Live], bool],
        turn: Callable[[Callable[[], None], bool], None],
    ) -> None:
        self._fill, self._ready, self._turn = fill, ready, turn
        self._owed: list[Live] = []
        self._under_way = False

    def owe(self, lives: Sequence[Live]) -> None:
        """Leave panes for later; one that is left already keeps its place."""
        self._owed += [live for live in lives if not any(live is other for other in self._owed)]
        self._go_on()

    def keep(self, lives: Sequence[Live]) -> None:
        """Forget all but these: another page is shown."""
        self._owed = [live for live in self._owed if any(live is other for other in lives)]

    def _go_on(self) -> None:
        """Come back, unless that is arranged already."""
        if self._owed and not self._under_way:
            self._under_way = True
            self._turn(self._pay, not any(map(self._ready, self._owed)))

    def _pay(self) -> None:
        """Fill panes for a moment, those that can be in their order; come back for the rest."""
        self._under_way = False
        end = time.monotonic() + A_MOMENT
        while (live := next(filter(self._ready, self._owed), None)) is not None:
            self._owed = [other for other in self._owed if other is not live]
            self._fill(live)
            if time.monotonic() > end:
                break
        self._go_on()
