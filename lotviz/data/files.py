"""Writes a file as a whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path


def replace_file(target: Path, write: Callable[[Path], None]) -> None:
    """Write beside the target, then take its place; a failure leaves the folder as it was.

    Parameters
    ----------
    target
        The file to make or replace.
    write
        Writes a file at the path it is given, which has the ending of the target.

    Raises
    ------
    OSError
        The folder is missing, the target is a folder or a device, or the file cannot be written.
    """
    target = target.resolve()  # what a link leads to: the link itself stays
    if not target.parent.is_dir():
        raise FileNotFoundError(f"Expected the folder {target.parent} to exist, found none. Make it first.")
    if target.is_dir():
        raise IsADirectoryError(f"Expected {target} to be a file, found a folder. Choose another name.")
    if target.exists() and not target.is_file():
        raise OSError(f"Expected {target} to be a file, found a device or a pipe. Choose another name.")
    temporary = target.with_name(f".{target.stem[:100]}.{secrets.token_hex(4)}{target.suffix}")
    try:
        write(temporary)
        with temporary.open("r+b") as written:
            os.fsync(written.fileno())  # a power cut must not leave the name without the content
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
