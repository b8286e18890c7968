"""Words of the command line turned into values, or refused with what was expected."""

from __future__ import annotations

import argparse
import difflib
import re
from pathlib import Path
from typing import Any

THIS_MACHINE = "127.0.0.1"
REFERENCES = ("kmeans", "cells", "gaussian", "barycenter")
REFERENCE_FILES = (".csv", ".tsv", ".parquet", ".lot")
SAMPLE = "sample:"
MOST_SEED = 2**32 - 1  # as lotviz.data.choices has it
COLUMN_ROLES = ("sample", "file")  # as lotviz.data knows them, which takes a second to import


def at_least(least: int) -> Any:
    """Accept whole numbers from `least` on."""

    def whole_number(text: str) -> int:
        if not re.fullmatch(r"\d+", text) or int(text) < least:
            raise argparse.ArgumentTypeError(f"Expected a whole number of at least {least}, found {text!r}.")
        return int(text)

    return whole_number


def seed(text: str) -> int:
    """Accept a seed of random draws.

    Examples
    --------
    >>> seed("7")
    7
    """
    if not re.fullmatch(r"\d+", text) or int(text) > MOST_SEED:
        raise argparse.ArgumentTypeError(f"Expected a whole number from 0 to {MOST_SEED}, found {text!r}.")
    return int(text)


def sizes(text: str) -> tuple[int, ...]:
    """Accept one or more numbers of reference points.

    Examples
    --------
    >>> sizes("64,256")
    (64, 256)
    """
    found = tuple(at_least(1)(word.strip()) for word in text.split(","))
    if len(set(found)) < len(found):
        raise argparse.ArgumentTypeError(f"Expected different numbers with commas between, found {text!r}.")
    return found


def reference(text: str) -> str:
    """Accept a kind of reference, a sample or a file."""
    if text in REFERENCES or reference_file(text) or (text.startswith(SAMPLE) and text != SAMPLE):
        return text
    close = difflib.get_close_matches(text.lower(), REFERENCES, n=1)
    raise argparse.ArgumentTypeError(
        f"Expected {', '.join(REFERENCES)}, {SAMPLE}NAME or a file that ends in {', '.join(REFERENCE_FILES)}, "
        f"found {text!r}.{f' Did you mean {close[0]}?' if close else ''}"
    )


def reference_file(text: str) -> Path | None:
    """Return the file that holds a reference, or None for one that is made from cells."""
    path = Path(text)
    return path if path.suffix.lower() in REFERENCE_FILES and not text.startswith(SAMPLE) else None


def positive(text: str) -> float:
    """Accept a number above zero."""
    if not re.fullmatch(r"\d*\.?\d+([eE][+-]?\d+)?", text) or not 0 < float(text) < float("inf"):
        raise argparse.ArgumentTypeError(f"Expected a number above 0, found {text!r}.")
    return float(text)


def number(text: str) -> float:
    """Accept a number."""
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text) or abs(float(text)) == float("inf"):
        raise argparse.ArgumentTypeError(f"Expected a number, found {text!r}.")
    return float(text)


def cofactor(text: str) -> float | str:
    """Accept a number above zero, or the word fitted."""
    try:
        return text if text == "fitted" else positive(text)
    except argparse.ArgumentTypeError as wrong:
        raise argparse.ArgumentTypeError(str(wrong).replace("above 0,", "above 0 or the word fitted,")) from None


def renaming(text: str) -> tuple[str, str]:
    """Accept an old name and a new one; the old one ends at the first equal sign.

    Examples
    --------
    >>> renaming("CD8a=CD8")
    ('CD8a', 'CD8')
    """
    old, _, new = text.partition("=")
    if not old.strip() or not new.strip():
        raise argparse.ArgumentTypeError(f"Expected an old and a new name like CD8a=CD8, found {text!r}.")
    return old, new.strip()  # blanks may belong to the old name


def columns(text: str) -> dict[str, str]:
    """Accept the columns of a sheet by role.

    Examples
    --------
    >>> columns("sample=Probe,file=Datei")
    {'sample': 'Probe', 'file': 'Datei'}
    """
    # A column may hold commas and equal signs: it ends where the next role begins.
    parts = re.split(rf",(?=\s*(?:{'|'.join(COLUMN_ROLES)})\s*=)", text)
    pairs = [(role.strip(), column.strip()) for role, _, column in (part.partition("=") for part in parts)]
    if not all(role in COLUMN_ROLES and column for role, column in pairs):
        raise argparse.ArgumentTypeError(f"Expected roles and columns like sample=Probe,file=Datei, found {text!r}.")
    if len({role for role, _ in pairs}) < len(pairs):
        raise argparse.ArgumentTypeError(f"Expected every role once, found {text!r}.")
    return dict(pairs)


def port(text: str) -> int:
    """Accept a port; 0 stands for any that is free."""
    if not re.fullmatch(r"\d+", text) or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"Expected a port from 0 to 65535, found {text!r}.")
    return int(text)


def address(text: str) -> str:
    """Accept only this machine."""
    if text not in (THIS_MACHINE, "localhost"):
        raise argparse.ArgumentTypeError(
            f"Expected {THIS_MACHINE}, found {text!r}. Other machines could read every patient's data: "
            "that needs authentication first, which is not yet available. Use an SSH tunnel instead."
        )
    return THIS_MACHINE


def folder(text: str) -> Path:
    """Accept a folder that exists."""
    if not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"Expected a folder, found {text!r}.")
    return Path(text)


def names(text: str) -> list[str]:
    """Accept names with commas between."""
    found = [name.strip() for name in text.split(",")]
    if not all(found) or len(set(found)) < len(found):
        raise argparse.ArgumentTypeError(f"Expected different names with commas between, found {text!r}.")
    return found


def column_and_value(text: str) -> tuple[str, str]:
    """Accept a column and one of its values.

    Examples
    --------
    >>> column_and_value("kind=control")
    ('kind', 'control')
    """
    column, found, value = text.partition("=")
    if not (column.strip() and found and value.strip()):
        raise argparse.ArgumentTypeError(f"Expected a column and a value like kind=control, found {text!r}.")
    return column.strip(), value.strip()


def weights(text: str) -> dict[str, float]:
    """Accept samples and their weights.

    Examples
    --------
    >>> weights("A=.5,B=.5")
    {'A': 0.5, 'B': 0.5}
    """
    # A name may hold commas and equal signs: it ends at the last "=" that a number follows.
    number = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
    pairs = re.findall(rf"(.+?)=({number})(?:,|$)", text)
    if not pairs or ",".join(f"{name}={weight}" for name, weight in pairs) != text:
        raise argparse.ArgumentTypeError(f"Expected samples and weights like A=.5,B=.5, found {text!r}.")
    if len({name for name, _ in pairs}) < len(pairs):
        raise argparse.ArgumentTypeError(f"Expected every sample once, found {text!r}.")
    return {name: float(weight) for name, weight in pairs}
