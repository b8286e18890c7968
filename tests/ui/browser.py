"""The browser of the browser tests: find one on this machine, or get one.

Run as a program it makes sure that there is one and says which: `python tests/ui/browser.py`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

# Rendering needs no GPU; the rest keeps Chromium from calling home, so that every outside request is the page's own.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
)
_COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
_MAC = (
    "Google Chrome.app/Contents/MacOS/Google Chrome",
    "Chromium.app/Contents/MacOS/Chromium",
    "Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)
_WINDOWS = ("Google/Chrome/Application/chrome.exe", "Microsoft/Edge/Application/msedge.exe")
_DOWNLOADED = (
    "chromium-*/chrome-linux*/chrome",
    "chromium-*/chrome-mac*/*.app/Contents/MacOS/*",
    "chromium-*/chrome-win*/chrome.exe",
)


class NoBrowserError(RuntimeError):
    """No Chromium, Chrome or Edge on this machine, and none could be installed."""


def _usual_places() -> Iterator[Path]:
    for root in (Path("/Applications"), Path.home() / "Applications"):
        yield from (root / name for name in _MAC)
    for variable in ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA"):
        if root := os.environ.get(variable):
            yield from (Path(root) / name for name in _WINDOWS)


def _playwright_folders() -> Iterator[Path]:
    if chosen := os.environ.get("PLAYWRIGHT_BROWSERS_PATH"):
        yield Path(chosen)
    yield Path.home() / ".cache" / "ms-playwright"
    yield Path.home() / "Library" / "Caches" / "ms-playwright"
    if local := os.environ.get("LOCALAPPDATA"):
        yield Path(local) / "ms-playwright"


def _downloads() -> Iterator[Path]:
    for folder in _playwright_folders():
        for pattern in _DOWNLOADED:
            yield from sorted(folder.glob(pattern), reverse=True)


def find_browser() -> Path | None:
    """Return an installed browser: named by LOTVIZ_BROWSER, on PATH, in the usual places, or Playwright's own."""
    if named := os.environ.get("LOTVIZ_BROWSER"):
        if not Path(named).is_file():
            raise NoBrowserError(f"Expected a browser at LOTVIZ_BROWSER={named}, found no file. Correct or unset it.")
        return Path(named)
    on_path = (Path(found) for command in _COMMANDS if (found := shutil.which(command)))
    candidates = (path for places in (on_path, _usual_places(), _downloads()) for path in places)
    return next((path for path in candidates if path.is_file()), None)


def _can_apt() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get") is not None


def _ways_to_install() -> Iterator[tuple[str, list[list[str]]]]:
    yield "Playwright's download", [[sys.executable, "-m", "playwright", "install", "chromium"]]
    if _can_apt():
        yield "apt", [["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", "chromium"]]


def ensure_browser() -> Path:
    """Return a browser; if none is here, try Playwright's download, then apt as root on Debian or Ubuntu.

    Raises
    ------
    NoBrowserError
        None was found and none could be installed.
    """
    if found := find_browser():
        return found
    tried = []
    for name, commands in _ways_to_install():
        done = all(subprocess.run(command, check=False, timeout=900).returncode == 0 for command in commands)
        if done and (found := find_browser()):
            return found
        tried.append(name)
    raise NoBrowserError(
        f"Expected Chromium, Chrome or Edge, found none, and {' and '.join(tried)} did not help. "
        "Install one, or set LOTVIZ_BROWSER to its path."
    )


def main() -> int:
    """Make sure that there is a browser and say which; a missing one is an error only where CI=true."""
    try:
        print(f"Browser tests use {ensure_browser()}")
    except NoBrowserError as error:
        print(error, file=sys.stderr)
        return 1 if os.environ.get("CI") == "true" else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
