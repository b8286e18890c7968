"""The door for files a user takes away: made for one page, named by a token nobody else knows, gone with the page."""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

import panel as pn
import param
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, RequestHandler

PATH = "take"
_PREFIX = "lotviz-brought-"  # as of files that are brought along: what a killed process leaves is swept away
_PIECE = 1 << 20  # bytes
_offered: dict[str, Path] = {}
_lock = threading.Lock()


class Outbox:
    """The one file a page offers; the one before it is deleted."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._token = ""

    def room(self) -> Path:
        """Return a new folder for the next file, readable by this user only."""
        self.empty()
        self._folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
        atexit.register(self.empty)
        return self._folder

    def offer(self, path: Path) -> str:
        """Return the address, below that of the page, at which a file can be taken."""
        with _lock:
            _offered.pop(self._token, None)
            self._token = secrets.token_urlsafe(32)
            _offered[self._token] = path
        return f"{PATH}?file={self._token}"

    def empty(self) -> None:
        """Delete the file; nobody looks any more."""
        with _lock:
            _offered.pop(self._token, None)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            atexit.unregister(self.empty)
            self._folder = None


class TakeHandler(RequestHandler):
    """Gives a file that is offered: `GET /take?file=` with its token."""

    async def get(self) -> None:
        """Send the file in pieces."""
        with _lock:
            path = _offered.get(self.get_query_argument("file", ""))
        if path is None or not path.is_file():
            raise HTTPError(404)
        self.set_header("Content-Type", "application/octet-stream")
        self.set_header("Content-Length", str(path.stat().st_size))
        self.set_header("Content-Disposition", f'attachment; filename="{path.name}"')
        with path.open("rb") as file, suppress(StreamClosedError):  # a browser that goes away is no error
            while piece := file.read(_PIECE):
                self.write(piece)
                await self.flush()


class Taker(pn.custom.JSComponent):
    """Nothing to see: takes the file at an address as soon as there is one."""

    address = param.String("", doc="Where the file is, below the address of the page.")

    _esm = """
    export function render({ model, el }) {
      model.on("address", () => {
        if (!model.address) return;
        const link = document.createElement("a");
        link.href = new URL(model.address, document.baseURI);
        link.download = "";
        el.append(link);
        link.click();
        link.remove();
      });
    }
    """


def written_name(*words: str, ending: str) -> str:
    """Return a name for a file of synthetic cells: letters, digits, dots and dashes only.

    Examples
    --------
    >>> written_name("demo", "P 1", "P/2", ending="csv")
    'demo-P_1-P_2-synthetic.csv'
    """
    joined = "-".join(words)[:80]
    safe = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-._") else "_" for letter in joined)
    return f"{safe.lstrip('.')}-synthetic.{ending}"


def offered(address: str) -> Path | None:
    """Return the path of the file at an address, None if nothing is offered there."""
    with _lock:
        return _offered.get(address.removeprefix(f"{PATH}?file="))
