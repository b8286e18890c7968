"""What a user says of how files are to be read; each door takes what concerns it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lotviz.data.annotated.reader import AnnotatedChoices


@dataclass(frozen=True)
class HowRead:
    """How the files of a cohort are read.

    Parameters
    ----------
    within
        A folder that nothing may be read outside of.
    columns
        Role ("sample", "file") -> column of the sheet; recognised by their names when not given.
    rename
        New names of markers, by the names the files have.
    compensate
        Whether the spillover matrix of FCS files is applied; decided by each file when None.
    annotated
        What is read of AnnData files; its `sample_key` is that of long tables as well.
    skip_unreadable
        Leave out samples whose file cannot be read, with a warning for each; otherwise they are errors.
    """

    within: Path | None = None
    columns: Mapping[str, str] | None = None
    rename: Mapping[str, str] | None = None
    compensate: bool | None = None
    annotated: AnnotatedChoices = field(default_factory=AnnotatedChoices)
    skip_unreadable: bool = False
