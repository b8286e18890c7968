"""The address of the page: read once when a session starts, written whenever a choice changes.

Panel's `Location.sync` does it in both directions and reads every value as JSON. The browser reports the address it was
opened with after the session has begun to fit the choices to the cohort, so a mistake in a link came back after it had
been mended; and a sample named "3" came back as a number.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode

import panel as pn
import param

from lotviz.app.choices import Choices


def _listed(text: str) -> list[str]:
    """Read a list of words."""
    found = json.loads(text)
    if not isinstance(found, list) or not all(isinstance(word, str) for word in found):
        raise ValueError("Expected a list of words.")
    return found


def _paired(text: str) -> dict[str, str]:
    """Read words by name."""
    found = json.loads(text)
    if not isinstance(found, dict) or not all(isinstance(word, str) for word in found.values()):
        raise ValueError("Expected words by name.")
    return found


_READ: dict[type, Callable[[str], Any]] = {
    param.List: _listed,
    param.Dict: _paired,
    param.Boolean: {"true": True, "false": False}.__getitem__,
    param.Integer: int,
    param.Number: float,
}


def choices_to_address(choices: Choices) -> str:
    """Return the query of the address that shows these choices.

    Examples
    --------
    >>> choices_to_address(Choices(a="3", t=0.25)).partition("&a=")[2].split("&")[:4]
    ['3', 'axes=Principal+axes', 'part=Full', 'shade=Number+of+cells']
    """
    chosen = {name: getattr(choices, name) for name in Choices.IN_ADDRESS}
    return "?" + urlencode({name: _written(value) for name, value in chosen.items() if value not in (None, "", [], {})})


def address_to_choices(query: str, choices: Choices) -> None:
    """Choose what an address names; a value that cannot be chosen is passed over.

    Examples
    --------
    >>> choices = Choices()
    >>> address_to_choices("?a=3&points=64&t=7&theme=blue&insist=true", choices)
    >>> choices.a, choices.points, choices.t, choices.theme, choices.insist
    ('3', 64, 0.5, 'light', True)
    """
    for name, text in parse_qsl(query.removeprefix("?")):
        if name in Choices.IN_ADDRESS:
            try:
                setattr(choices, name, _READ.get(type(choices.param[name]), str)(text))
            except (KeyError, ValueError):
                continue


def follow(choices: Choices, location: pn.io.location.Location) -> None:
    """Choose what the address names, and from then on let the address name what is chosen."""
    address_to_choices(location.search, choices)

    def write(*_events: Any) -> None:
        location.search = choices_to_address(choices)

    choices.param.watch(write, list(Choices.IN_ADDRESS))
    # What the browser reports is where it came from, never where it is to go: it is told again.
    location.param.watch(write, "search")
    write()


def go_back(query: str, choices: Choices) -> None:
    """Choose what an earlier address names, and nothing that it leaves out because it was empty."""
    with param.parameterized.batch_call_watchers(choices):
        _forget_what_is_not_in(query, choices)
        address_to_choices(query, choices)


def _forget_what_is_not_in(query: str, choices: Choices) -> None:
    """Take back the choices that an address leaves out because they are empty there."""
    named = {name for name, _text in parse_qsl(query.removeprefix("?"))}
    for name in set(Choices.IN_ADDRESS) - named:
        if choices.param[name].default in ("", [], {}):
            setattr(choices, name, type(choices.param[name].default)())


def _written(value: Any) -> str:
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False)
    return str(value).lower() if isinstance(value, bool) else str(value)
