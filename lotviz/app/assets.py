"""Where the files of the browser are: style sheets, scripts and logos, in a checkout or in the installed package."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def asset(*parts: str) -> Path:
    """Return the path of a file in the `assets` folder.

    Parameters
    ----------
    parts
        Folder names and the file name, below `assets`.

    Raises
    ------
    FileNotFoundError
        There is no such file, neither in the installed package nor beside it in a checkout.

    Examples
    --------
    >>> asset("morph", "morph.js").name
    'morph.js'
    """
    places = [folder.joinpath("assets", *parts) for folder in (_PACKAGE, _PACKAGE.parent)]
    for place in places:
        if place.exists():
            return place
    looked = " or ".join(map(str, places))
    raise FileNotFoundError(f"Expected {'/'.join(parts)} at {looked}, found nothing. Install lotviz again.")
