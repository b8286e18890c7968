"""What lotviz writes into the files it makes: that cells are synthetic, how they were made, what markers are called.

The same keys stand in the keywords of FCS, the schema of parquet and the uns of h5ad. A csv of synthetic cells begins
with a line `# synthetic: ...`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lotviz.data.versions import installed

SYNTHETIC_MARK = "synthetic: computed by lotviz, never measured"
SYNTHETIC_KEY = "synthetic"
RECIPE_KEY = "lotviz_recipe"
MARKERS_KEY = "lotviz_markers"  # FCS only: names exactly as they are, whatever a reader makes of $PnS
BESIDE_KEY = "beside"  # in the recipe: columns that are no markers


@dataclass(frozen=True)
class Said:
    """What a file says of itself.

    Parameters
    ----------
    synthetic
        Whether its cells were never measured.
    own
        Whether lotviz wrote it: then its columns are the markers that somebody chose.
    beside
        Columns that lotviz wrote beside the markers, such as the mass of a synthetic cell.
    """

    synthetic: bool = False
    own: bool = False
    beside: tuple[str, ...] = ()


NOTHING_SAID = Said()


def marks(about: Mapping[str, Any], *, synthetic: bool) -> dict[str, str]:
    """Return the metadata of a file by key: the synthetic mark and, as JSON, how the cells were made.

    Examples
    --------
    >>> list(marks({"seed": 1}, synthetic=True))
    ['synthetic', 'lotviz_recipe']
    """
    mark = {SYNTHETIC_KEY: SYNTHETIC_MARK} if synthetic else {}
    return mark | {RECIPE_KEY: json.dumps(plain({**about, "lotviz": installed("lotviz")}))}


def says_synthetic(metadata: Mapping[Any, Any]) -> bool:
    """Whether a file says that its cells were never measured; keys and values are str or bytes, in any case of letters.

    Examples
    --------
    >>> says_synthetic({b"synthetic": b"synthetic: computed by lotviz, never measured"}), says_synthetic({})
    (True, False)
    """
    found = {_text(key).lower(): value for key, value in metadata.items()}
    return _text(found.get(SYNTHETIC_KEY, "")).strip().lower().startswith(SYNTHETIC_KEY)


def said_in(metadata: Mapping[Any, Any]) -> Said:
    """Return what the metadata of a file says of it; keys and values as for `says_synthetic`.

    Examples
    --------
    >>> said_in(marks({"beside": ["mass"]}, synthetic=True))
    Said(synthetic=True, own=True, beside=('mass',))
    """
    found = {_text(key).lower(): value for key, value in metadata.items()}
    recipe = _json(found.get(RECIPE_KEY, ""))
    names = recipe.get(BESIDE_KEY, []) if isinstance(recipe, dict) else []
    beside = tuple(str(name) for name in names) if isinstance(names, list) else ()
    return Said(says_synthetic(metadata), RECIPE_KEY in found, beside)


def said_in_remark(remark: str) -> Said:
    """Return what the remark above the header of a csv says of it, such as "# synthetic: ...".

    Examples
    --------
    >>> said_in_remark("# synthetic: computed by lotviz, never measured {}").synthetic, said_in_remark("# day 3")
    (True, Said(synthetic=False, own=False, beside=()))
    """
    mark, brace, recipe = remark.strip().strip('"').removeprefix("#").strip().partition("{")
    if not mark.lower().startswith(SYNTHETIC_KEY):
        return Said()
    return said_in({SYNTHETIC_KEY: mark, **({RECIPE_KEY: brace + recipe} if brace else {})})


def names_written(metadata: Mapping[Any, Any]) -> tuple[str, ...] | None:
    """Return the names of the channels as lotviz wrote them into an FCS file, or None for a file of another program."""
    found = {_text(key).lower(): value for key, value in metadata.items()}
    names = _json(found.get(MARKERS_KEY, ""))
    wanted = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return tuple(names) if wanted and len(set(names)) == len(names) else None


def _json(value: Any) -> Any:
    """Return what a value means as JSON, None where it is none, or nested so deep that nobody meant it."""
    try:
        return json.loads(_text(value))
    except (ValueError, RecursionError):
        return None


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def written_names(markers: Iterable[str], *, taken: Iterable[str] = ()) -> tuple[str, ...]:
    r"""Names that every format can hold: on one line, none empty, none twice, none of those that are taken.

    Examples
    --------
    >>> written_names(["CD4", "", "CD4", "a\tb", "sample"], taken=["sample"])
    ('CD4', 'marker 2', 'CD4 #2', 'a b', 'sample #2')
    """
    used = set(taken)
    names = []
    for position, marker in enumerate(markers, start=1):
        name = stem = one_line(str(marker)) or f"marker {position}"
        number = 1
        while name in used:
            number += 1
            name = f"{stem} #{number}"
        used.add(name)
        names.append(name)
    return tuple(names)


def one_line(text: str) -> str:
    """Return a text without control characters, half characters and outer spaces."""
    whole = text.encode("utf-8", "replace").decode("utf-8")
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", whole).strip()


def plain(value: Any) -> Any:
    """Arrays and tuples as lists, for JSON."""
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


def json_names(names: Sequence[str]) -> str:
    """Return names as JSON that no reader of keywords changes: FlowIO drops every dollar sign of a text segment."""
    return json.dumps(list(names)).replace("$", "\\u0024")
