"""One name for one marker across files: names that are changed on request, and names that look like the same marker."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lotviz.data.markers import reason_left_out
from lotviz.data.marks import Said
from lotviz.data.problems import CohortError, Problem, did_you_mean, listed
from lotviz.data.sources import Found, SampleFile, TransformingFile
from lotviz.data.transforms.transform import AnyTransform

_GREEK = {"α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta", "η": "eta", "θ": "theta"}
_GREEK |= {"κ": "kappa", "λ": "lambda", "μ": "mu", "µ": "mu", "σ": "sigma", "τ": "tau", "ω": "omega"}
_METAL = "Y|Rh|Pd|Cd|In|Sn|Te|Xe|Cs|Ba|La|Ce|Pr|Nd|Sm|Eu|Gd|Tb|Dy|Ho|Er|Tm|Yb|Lu|Hf|Ta|Ir|Pt|Pb|Bi"
_ISOTOPE = re.compile(
    rf"\(?(?<![A-Za-z0-9])(?:\d{{2,3}}(?:{_METAL})|(?:{_METAL})\d{{2,3}}(?:D[id])?)(?![A-Za-z0-9])\)?(?:D[id])?"
)
_PULSE = re.compile(r"-[AHW]$", re.IGNORECASE)
# The dye may stand before or after the name of the antibody; longer names first.
_DYE = re.compile(
    r"\b(?:PerCP[- ]?(?:Cy ?5[.-]?5|eF(?:luor)?[- ]?710|Fire[- ]?\d{3})?|PE[- ]?(?:Cy ?\d(?:[.-]5)?|CF ?594|TexasRed|"
    r"Dazzle[- ]?594|Fire[- ]?\d{3})?|APC[- ]?(?:Cy ?7|H7|R700|Fire[- ]?\d{3}|eF(?:luor)?[- ]?780)?|FITC|ECD|KrO|"
    r"(?:BUV|BV|BB|BYG|RB|RY|AF|V|Qdot)[- ]?\d{3}|Alexa[- ]?Fluor[- ]?\d{3}|eF(?:luor)?[- ]?\d{3}|"
    r"Pacific[- ]?(?:Blue|Orange)|Cy[- ]?\d(?:[.-]\d)?)\b",
    re.IGNORECASE,
)


def alike_name(name: str) -> str:
    """Return what is left of a marker's name without what people write differently.

    Case, spaces, dashes, dots, Greek letters, isotopes and the -A, -H, -W of a pulse make no difference; the dye does.

    Examples
    --------
    >>> alike_name("CD 8A"), alike_name("cd8-a"), alike_name("TCR γδ"), alike_name("145Nd_CD4")
    ('cd8a', 'cd8a', 'tcrgammadelta', 'cd4')
    """
    bare = _without_pulse(name.strip())
    spelt = "".join(_GREEK.get(letter, letter) for letter in (_ISOTOPE.sub(" ", bare).strip(" _-") or bare).lower())
    return re.sub(r"[^a-z0-9+]", "", spelt) or name


def stain_of(name: str) -> str:
    """Return the antibody of a name such as FITC-CD4, as `alike_name` writes it; empty for a dye alone.

    Examples
    --------
    >>> stain_of("FITC-CD4-A"), stain_of("CD4 PE-Cy7"), stain_of("APC-A")
    ('cd4', 'cd4', '')
    """
    without = _DYE.sub(" ", _without_pulse(name.strip())).strip(" -_:/")
    return alike_name(without) if without else ""


def _without_pulse(name: str) -> str:
    """Drop the -A, -H or -W of a pulse; HLA-A is a marker, and cd8-a is CD8a."""
    return name if re.search(r"\bHLA-A$|^cd\d+-a$", name) else _PULSE.sub("", name)


def look_alikes(own: Mapping[str, Sequence[str]]) -> list[tuple[str, str, bool]]:
    """Names that look like one marker, but are written differently in different files.

    Parameters
    ----------
    own
        The markers of each file.

    Returns
    -------
    list of (name, other name, dyes differ)
        `other name` is to be renamed to `name`, which more files have. Names that occur together in a file are two
        markers.
    """
    counts: dict[str, int] = {}
    for names in own.values():
        for name in names:
            counts[name] = counts.get(name, 0) + 1
    partial = [name for name, count in counts.items() if count < len(own)]
    together = [set(names) for names in own.values()]
    pairs: list[tuple[str, str, bool]] = []
    taken: set[str] = set()
    for key, dyes in ((alike_name, False), (stain_of, True)):
        groups: dict[str, list[str]] = {}
        for name in partial:
            groups.setdefault(key(name), []).append(name)
        for word, names in groups.items():
            kept, *others = sorted(names, key=lambda name: -counts[name])
            for other in others:
                apart = not any({kept, other} <= names_of for names_of in together)
                if word and apart and other not in taken:
                    pairs.append((kept, other, dyes))
                    taken.add(other)
    return pairs


def look_alikes_said(own: Mapping[str, Sequence[str]]) -> str:
    """Return the sentences that propose to rename what looks like one marker, or an empty string."""
    sentences = []
    for kept, other, dyes in look_alikes(own)[:12]:
        doubt = " on another dye, whose brightness is not comparable" if dyes else _other_pulse(kept, other)
        one, two = _visible(kept), _visible(other)
        sentences.append(f"{one} and {two} look like the same marker{doubt}: rename {two} to {one}.")
    return " ".join(sentences)


def _visible(name: str) -> str:
    """Return a name, in quotes where blanks at its ends could not be seen."""
    return name if name == name.strip() else f'"{name}"'


def _other_pulse(name: str, other: str) -> str:
    """Say that the area and the height of a pulse are different measures, where names end in different ones."""
    ends = {found.group().upper() for found in map(_PULSE.search, (name, other)) if found}
    return f", but {' and '.join(sorted(ends))} measure a pulse differently" if len(ends) > 1 else ""


def channel_problems(channels: Mapping[str, Mapping[str, str]], where: str) -> list[Problem]:
    """Warn of stains that are on different channels in different files, and of channels with different stains.

    Parameters
    ----------
    channels
        For each file the channel ($PnN) of each marker.
    """
    by_stain, by_channel = _turned(channels), _turned(_inverted(channels))
    problems = []
    moved = [f"{marker} ({_places(found)})" for marker, found in by_stain.items() if len(found) > 1]
    if moved:
        what = f"The same stain is on different channels in different files: {listed(moved, 6)}."
        fix = "They are joined by the stain; their brightness is not comparable between these files."
        problems.append(Problem(where, what, fix, "warning"))
    changed = [f"{channel} ({_places(found)})" for channel, found in by_channel.items() if len(found) > 1]
    if changed:
        what = f"The same channel has different stains in different files: {listed(changed, 6)}."
        problems.append(
            Problem(where, what, "Check the panel, or rename the markers alike if they are one.", "warning")
        )
    return problems


def _inverted(channels: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    return {
        file: {channel: marker for marker, channel in own.items() if marker != channel}
        for file, own in channels.items()
    }


def _turned(channels: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, list[str]]]:
    """Turn file -> name -> other into name -> other -> files."""
    turned: dict[str, dict[str, list[str]]] = {}
    for file, own in channels.items():
        for name, other in own.items():
            turned.setdefault(name, {}).setdefault(other, []).append(file)
    return turned


def _places(found: Mapping[str, Sequence[str]]) -> str:
    return "; ".join(f"{name} in {listed(files, 2)}" for name, files in found.items())


@dataclass(frozen=True, eq=False)
class RenamedFile:
    """A file of cells with other names for some of its markers; `names` takes the new ones back to its own."""

    file: SampleFile
    markers: tuple[str, ...]
    names: Mapping[str, str]

    @property
    def where(self) -> str:
        """How the owner calls the file."""
        return self.file.where

    @property
    def n_cells(self) -> int:
        """The number of cells."""
        return self.file.n_cells

    @property
    def notes(self) -> tuple[tuple[str, str], ...]:
        """What is odd about the file."""
        return self.file.notes

    @property
    def raw_file(self) -> bool:
        """Whether the file is as the instrument wrote it."""
        return self.file.raw_file

    @property
    def said(self) -> Said:
        """What the file says of itself; a column that somebody named is a marker."""
        said = self.file.said
        return replace(said, beside=tuple(name for name in said.beside if self.names.get(name) == name))

    def read(self, markers: tuple[str, ...], rows: NDArray[np.intp] | None = None) -> NDArray[np.float32]:
        """Read the named channels of all cells, or of those at `rows`, (n, d)."""
        return self.file.read(_back(markers, self.names), rows)

    def transformed(self, markers: tuple[str, ...], transform: AnyTransform) -> NDArray[np.float32] | None:
        """Return transformed values of the named channels, (n, d), where the file can do so, as `TransformingFile`."""
        if not isinstance(self.file, TransformingFile):
            return None
        return self.file.transformed(_back(markers, self.names), transform)

    def populations(self) -> NDArray[Any] | None:
        """Return the population of every cell, where the file says so."""
        return self.file.populations()


def rename_files(
    files: Mapping[str, SampleFile], rename: Mapping[str, str] | None, where: str
) -> dict[str, SampleFile]:
    """Return the files with markers renamed; a file without a name is left as it is.

    Raises
    ------
    CohortError
        For a name that no file has, an empty new name, or a new name that would stand twice in a file.
    """
    if not rename:
        return dict(files)
    everything = dict.fromkeys(name for file in files.values() for name in file.markers)
    rename = _as_named(rename, everything)
    problems = _unknown(rename, everything, where)
    renamed: dict[str, SampleFile] = {}
    for sample, file in files.items():
        markers = _new_names(file.markers, rename)
        problems += _twice(file.markers, rename, file.where)
        names = dict(zip(markers, file.markers, strict=True))
        renamed[sample] = file if markers == file.markers else RenamedFile(file, markers, names)
    if problems:
        raise CohortError(*problems)
    return renamed


def _as_named(rename: Mapping[str, str], names: Collection[str]) -> dict[str, str]:
    """Return the new names by the old ones as they are: blanks around one may belong to it or not."""
    return {old if old in names else old.strip(): new for old, new in rename.items()}


def rename_found(found: Found, rename: Mapping[str, str] | None, where: str) -> Found:
    """Return what was found in one table of all cells, with markers renamed.

    Raises
    ------
    CohortError
        As for `rename_files`.
    """
    if not rename:
        return found
    rename = _as_named(rename, found.markers)
    problems = [*_unknown(rename, found.markers, where), *_twice(found.markers, rename, where)]
    if problems:
        raise CohortError(*problems)
    markers = _new_names(found.markers, rename)
    names = dict(zip(markers, found.markers, strict=True))
    kept = {name: reason for name, reason in found.left_out.items() if name not in rename}
    again = {new: reason for new in rename.values() if (reason := reason_left_out(new, raw_file=False))}
    return replace(
        found,
        markers=markers,
        left_out={**kept, **again},
        source=lambda chosen: found.source(_back(chosen, names)),
    )


def _new_names(markers: Iterable[str], rename: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(str(rename.get(name, name)).strip() for name in markers)


def _back(markers: Iterable[str], names: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(names[name] for name in markers)


def _unknown(rename: Mapping[str, str], known: Iterable[str], where: str) -> list[Problem]:
    names = list(known)
    problems = []
    for old, new in rename.items():
        if old not in names:
            fix = did_you_mean(old, names) or f"The channels are {listed(names, 60)}."
            problems.append(Problem(where, f"Expected a channel to rename, found {old}.", fix))
        if not str(new).strip():
            problems.append(Problem(where, f"Expected a new name for {old}, found none.", "Name the marker."))
    return problems


def _twice(markers: Sequence[str], rename: Mapping[str, str], where: str) -> list[Problem]:
    """Name what two channels of one file would both be called."""
    by_new: dict[str, list[str]] = {}
    for old, new in zip(markers, _new_names(markers, rename), strict=True):
        by_new.setdefault(new, []).append(old)
    return [
        Problem(
            where,
            f"Expected one channel for the name {new}, found {len(olds)}: {listed(olds)}.",
            "Rename only one of them, or give the others a name of their own.",
        )
        for new, olds in by_new.items()
        if len(olds) > 1 and any(old in rename for old in olds)
    ]
