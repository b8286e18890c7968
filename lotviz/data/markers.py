"""Channel names of an instrument to marker names, and which channels are not markers of a cell."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

from lotviz.data.marks import Said

Instrument = Literal["mass", "flow", "unknown"]

_METAL_SUFFIX = re.compile(r"\((?:[A-Z][a-z]?\d{2,3}|\d{2,3}(?::\d{2,3})+)\)D[id]$")  # CD4(Nd145)Dd, CD3(110:114)Dd
_METAL_PREFIX = re.compile(r"^\d{2,3}[A-Z][a-z]?_(?=.)")  # 113In_CEACAM1
_BARE_METAL = re.compile(r"^(?:\d{2,3}[A-Z][a-z]?|[A-Z][a-z]?\d{2,3}D[id])$")  # 131Xe, Xe131Di

# One word that is no dye itself, and V450-PB-H, UV405-H, BV421, FITC, PE-Cy7, APC H7 or Alexa Fluor 700-A after it.
_AND_DETECTOR = re.compile(
    r"(?!Alexa|Pacific|Texas|Brilliant|Super|Horizon|Spark)(\S+) "
    r"(?:(?!CD)[A-Z]{1,3} ?\d{3}|(?:FITC|PE|APC|Per-?CP|ECD|PB|PO|KrO|Cy ?\d|PC ?\d)(?![A-Za-z\d])"
    r"|(?:Alexa|Pacific|Texas|Brilliant|Super|Spark|eFluor|Qdot)(?![A-Za-z]))(?:[-/ .].+)?",
    re.IGNORECASE,
)

# What an instrument or its software adds to every cell: never a property of the cell to compare patients by.
_INSTRUMENT = {
    "time": r"^(hdr-t|time)\b",
    "event length": r"^(event|cell)[ _]?length$",
    "event number": r"^(event|cell)[ _#]*(num|number|no|id|index)?$",
    "row number": r"^(unnamed: ?\d+|__index_level_\d+__)$",
    "pulse shape": r"^(center|offset|width|residual)$",
    "instrument header": r"^hdr-",
    "calibration beads": r"(^|[_ -])(eq\d?[_ -]?)?beads?(dist\b|[_ -]|\b)",
    "barcode": r"^(bc|barcode)[_ -]?\d+$|^barcodes?$|^bc_separation_dist$|^mahalanobis_dist$",
}
# What is measured of a cell but is rarely a marker of interest: left out of FCS files unless asked for.
_GATING = {
    "DNA": r"^dna[_ -]?\d*([_ -]*\(?(ir\d*|\d+ir)\)?)?$|^(iridium|intercalator|hoechst|draq5)\b",
    # FSC-A, FS INT LIN, SSC_1-H, FSC1-A, VSSC-A, Violet SSC-A, *FSC Par, Forward Scatter
    "scatter": r"^\*?([bvyru]|violet |blue |yellow |red |uv )?(fsc|ssc|fs|ss)\d?(?![a-z0-9])|\b(forward|side) scatter",
    "pulse width": r"[a-z0-9)]-w\)?$",
    "viability": (
        r"viab|vitality|live[ _/-]*dead|^cisplatin|zombie|^7-?aad|^dapi\b|^propidium|^pi(-[ahw])?$|^l/d\b"
        r"|fixable|^ghost|\bfv[sd](\d{3})?\b|^draq7"
    ),
    "number of the file": r"^(file|sample)[ _]?(num|number|id)$",
    "unstained channel": _BARE_METAL.pattern,
}

# Names that only one kind of instrument gives. Isotopes as in Nd145Di, 145Nd, (Nd145)Dd.
_MASS = re.compile(
    r"^(?i:event|cell)[ _]?(?i:length)$|\b\d{2,3}[A-Z][a-z](?=_|\b)|(?<![A-Za-z])[A-Z][a-z]\d{2,3}D[id]\b|^BCKG\d{3}"
    r"|\([A-Z][a-z]?\d{2,3}\)D[id]$"
)
_FLOW = re.compile(
    r"^(?:fsc|ssc|fs|ss)\b|^FL\d+(?:[ _-]|$)|(?<!HLA)-[AHW]$|\bFITC\b|\bPer-?CP\b|\bAPC\b|\bPE\b|\bBU?V ?\d{3}\b"
    r"|\b(?:AF|Alexa[ -]?Fluor|eFluor|eF|BB|Qdot|V) ?-?\d{3}\b|\bPacific[ -]?(?:Blue|Orange)\b|\bCy ?\d\b|\bEvent ?W\b",
    re.IGNORECASE,
)


def instrument_of(names: Iterable[str]) -> Instrument:
    """Return the kind of instrument that gives channels such names: "mass", "flow", or "unknown".

    Parameters
    ----------
    names
        Channel names ($PnN) and stains ($PnS), or the columns of a table.

    Examples
    --------
    >>> instrument_of(["Time", "Event_length", "Nd145Di"]), instrument_of(["FSC-A", "CD4 FITC"])
    ('mass', 'flow')
    >>> instrument_of(["CD3", "CD4"])
    'unknown'
    """
    different = set(names)
    metals = sum(bool(_MASS.search(name)) for name in different)
    dyes = sum(bool(_FLOW.search(name)) for name in different)
    # one such name may be chance: a marker called PE, a gene that ends like a channel
    if max(metals, dyes) < 2 or min(metals, dyes) * 4 > max(metals, dyes):
        return "unknown"
    return "mass" if metals > dyes else "flow"


def marker_names(channels: Sequence[str], stains: Sequence[str]) -> tuple[str, ...]:
    """Return the name to show for each channel: its stain ($PnS) without the metal, else its channel name ($PnN).

    Names that occur twice are kept apart by their channel name, then by a number.

    Examples
    --------
    >>> marker_names(["CD4(Nd145)Dd", "In113Di", "FL7-A", "FL7-H"], ["", "113In_CD66a", "GFP", "GFP"])
    ('CD4', 'CD66a', 'GFP (FL7-A)', 'GFP (FL7-H)')
    """
    names = [_bare_name(stain.strip() or channel.strip()) for channel, stain in zip(channels, stains, strict=True)]
    seen = Counter(names)
    names = [
        f"{name} ({channel.strip()})" if seen[name] > 1 else name for name, channel in zip(names, channels, strict=True)
    ]
    return numbered(names)


def numbered(names: Sequence[str]) -> tuple[str, ...]:
    """Names with the second and later of a kind numbered: a, a becomes a, a #2."""
    seen: Counter[str] = Counter()
    unique = []
    for name in names:
        seen[name] += 1
        unique.append(name if seen[name] == 1 else f"{name} #{seen[name]}")
    return tuple(unique)


def short_names(markers: Sequence[str]) -> tuple[str, ...]:
    """Drop the detector or the dye that follows the first word of a marker, if the names still differ then.

    Other words are part of the name: HLA DR, Granzyme B, IL 2, and Alexa Fluor 700, which is a dye from the start. The
    -A for the area of a pulse, or -H or -W, goes where all names end in the same.

    Examples
    --------
    >>> short_names(["CD57 V450-PB-H", "CD45RA B525-FITC-H", "Granzyme B"])
    ('CD57', 'CD45RA', 'Granzyme B')
    >>> short_names(["CD4 BV421", "CD4 FITC"])
    ('CD4 BV421', 'CD4 FITC')
    >>> short_names(["PE-Cy5-A", "Alexa Fluor 700-A"])
    ('PE-Cy5', 'Alexa Fluor 700')
    """
    parts = [_AND_DETECTOR.fullmatch(marker) for marker in markers]
    short = tuple(part.group(1) if part else marker for part, marker in zip(parts, markers, strict=True))
    short = short if len(set(short)) == len(short) else tuple(markers)
    pulses = {name[-2:] for name in short}
    alike = len(short) > 1 and pulses in ({"-A"}, {"-H"}, {"-W"}) and all(len(name) > 2 for name in short)
    return tuple(name[:-2] for name in short) if alike else short


def _bare_name(name: str) -> str:
    return _METAL_PREFIX.sub("", _METAL_SUFFIX.sub("", name)) or name


def reasons_left_out(names: Iterable[str], said: Said, *, raw_file: bool) -> dict[str, str]:
    """Return the channels of a file that are left out unless asked for, and why.

    Parameters
    ----------
    said
        What the file says of itself: a file that lotviz wrote holds markers that somebody chose.
    raw_file
        As for `reason_left_out`.

    Examples
    --------
    >>> reasons_left_out(["Time", "mass"], Said(own=True, beside=("mass",)), raw_file=False)
    {'mass': 'written beside the markers'}
    """
    reasons = {}
    for name in names:
        reason = None if said.own else reason_left_out(name, raw_file=raw_file)
        if name in said.beside:
            reason = "written beside the markers"
        if reason:
            reasons[name] = reason
    return reasons


def reason_left_out(name: str, *, raw_file: bool) -> str | None:
    """Why a channel is left out unless it is asked for, or None for a marker.

    Parameters
    ----------
    raw_file
        True for a file as the instrument wrote it: then DNA, scatter, viability and unstained channels are left
        out as well; in a prepared table somebody chose to keep them.

    Examples
    --------
    >>> reason_left_out("FSC-A", raw_file=True), reason_left_out("FSC-A", raw_file=False)
    ('scatter', None)
    """
    rules = {**_INSTRUMENT, **_GATING} if raw_file else _INSTRUMENT
    for reason, pattern in rules.items():
        flags = 0 if reason == "unstained channel" else re.IGNORECASE
        if re.search(pattern, name, flags):
            return reason
    return None
