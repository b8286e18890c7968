"""Panes that are filled a moment's work at a time."""

from __future__ import annotations

import time

import pytest

from lotviz.app.frame import Live
from lotviz.app.later import A_MOMENT, Later

SLOW = 0.6 * A_MOMENT  # seconds; two of them are more than a moment


class Loop:
    """An event loop by hand: what is to be called back, and whether after a while."""

    def __init__(self, *, each: float = 0.0) -> None:
        self.filled: list[str] = []
        self.waiting: list[tuple[object, bool]] = []
        self.not_ready: set[str] = set()
        self._each = each
        self.later = Later(self._fill, lambda live: live.pane not in self.not_ready, self._turn)

    def _fill(self, live: Live) -> None:
        time.sleep(self._each)
        self.filled.append(live.pane)

    def _turn(self, pay, wait: bool) -> None:
        self.waiting.append((pay, wait))

    def turn(self) -> bool:
        """Take one turn; return whether it came after a while."""
        (pay, wait), self.waiting = self.waiting[0], self.waiting[1:]
        pay()
        return wait


def panes(names: str) -> list[Live]:
    return [Live(name, lambda: None) for name in names]


def test_quick_panes_are_filled_in_one_turn():
    loop = Loop()
    loop.later.owe(panes("abc"))
    assert not loop.filled  # the page is seen first
    assert not loop.turn()
    assert loop.filled == ["a", "b", "c"]
    assert not loop.waiting


def test_others_get_their_turn_between_slow_panes():
    loop = Loop(each=SLOW)
    loop.later.owe(panes("abcde"))
    filled = []
    while loop.waiting:
        loop.turn()
        filled.append(len(loop.filled))
    assert filled == [2, 4, 5]


def test_a_pane_that_cannot_be_filled_yet_holds_up_no_other():
    loop = Loop()
    loop.not_ready = {"a"}
    loop.later.owe(panes("ab"))
    assert not loop.turn()
    assert loop.filled == ["b"]
    assert loop.turn()  # after a while: nothing else is to be done
    loop.not_ready = set()
    assert loop.turn()
    assert loop.filled == ["b", "a"]


def test_a_pane_is_left_once_and_one_callback_is_enough():
    loop, lives = Loop(), panes("ab")
    loop.later.owe(lives)
    loop.later.owe(lives)
    assert len(loop.waiting) == 1
    loop.turn()
    assert loop.filled == ["a", "b"]


@pytest.mark.parametrize("kept", ["", "b"])
def test_panes_of_a_page_that_is_no_longer_shown_are_dropped(kept):
    loop, lives = Loop(), panes("abc")
    loop.later.owe(lives)
    loop.later.keep([live for live in lives if live.pane in kept])
    loop.turn()
    assert loop.filled == list(kept)
