"""The cohorts opened lately, by folder: a small file of this user's own, of names only."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

MOST = 8


def recent(root: Path) -> list[str]:
    """Name the cohorts under a data root that were opened lately and are still there, the last one first."""
    return [key for key in _known().get(str(root), []) if (root / key).exists()]


def remember(root: Path, key: str) -> None:
    """Put a cohort first in the list; where the file cannot be written, nothing is remembered."""
    known = _known()
    known[str(root)] = [key, *(other for other in known.get(str(root), []) if other != key)][:MOST]
    path = _path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, encoding="utf-8", delete=False) as draft:
            json.dump(known, draft, indent=1)
        Path(draft.name).replace(path)
    except OSError:
        return


def _known() -> dict[str, list[str]]:
    """Return what the file holds; nothing of a file that is damaged or somebody else's."""
    try:
        held = json.loads(_path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(held, dict):
        return {}
    lists = {root: keys for root, keys in held.items() if isinstance(keys, list)}
    return {root: [key for key in keys if isinstance(key, str) and "\0" not in key] for root, keys in lists.items()}


def _path() -> Path:
    if chosen := os.environ.get("LOTVIZ_RECENT"):
        return Path(chosen)
    if sys.platform == "win32":
        home = Path(os.environ.get("LOCALAPPDATA", Path.home()))
    elif sys.platform == "darwin":
        home = Path.home() / "Library" / "Application Support"
    else:
        home = Path(os.environ.get("XDG_STATE_HOME", Path.home() / ".local" / "state"))
    return home / "lotviz" / "recent.json"
