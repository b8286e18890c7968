"""The server of the app: this machine only, nothing fetched from elsewhere, headers that hold browsers to it."""

from __future__ import annotations

import logging
import socket
import threading
import webbrowser
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import panel as pn
from tornado.iostream import StreamClosedError
from tornado.web import OutputTransform
from tornado.websocket import WebSocketClosedError

from lotviz.app.bring import PATH, BringHandler
from lotviz.app.choices import Choices
from lotviz.app.failures import attempt
from lotviz.app.inbox import sweep
from lotviz.app.ordered import keep_order
from lotviz.app.session import Session
from lotviz.app.shell import COMPILED, Shell
from lotviz.app.take import PATH as TAKE
from lotviz.app.take import TakeHandler
from lotviz.app.workspace import DEMOS, Workspace
from lotviz.transport.engine import simplex_unavailable
from lotviz.views.clouds import bounds_of, shade_counts, shade_populations, shade_values

LOG = logging.getLogger("lotviz")

LOCAL = "127.0.0.1"
LARGEST_MESSAGE = 256 * 2**20  # bytes; a morph of two million cells is sent in one message of 16 MB

# No eval, no other host. Panel's bundles start from blobs and inline scripts, hence these two.
POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' ws://127.0.0.1:* ws://localhost:* blob: data:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class SecureHeaders(OutputTransform):
    """Puts our headers on every answer; Panel has no setting for them."""

    def __init__(self, request: Any) -> None:
        pass

    def transform_first_chunk(self, status_code: int, headers: Any, chunk: bytes, finishing: bool) -> Any:  # noqa: ARG002
        """Add the headers; static files keep their own rule for caching, and no other site may read an answer."""
        for name in [name for name in headers if name.lower().startswith("access-control-")]:
            del headers[name]
        for name, value in HEADERS.items():
            if name != "Cache-Control" or name not in headers:
                headers[name] = value
        return status_code, headers, chunk


class ClosedPages(logging.Filter):
    """Keeps quiet that a page was closed while something was sent to it: that is no error of anybody."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let through what is about anything else."""
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(error, (WebSocketClosedError, StreamClosedError))


_CLOSED_PAGES = ClosedPages()


def run(
    path: Path | str | None = None,
    *,
    demo: bool = False,
    port: int = 5006,
    address: str = LOCAL,
    open_browser: bool = True,
    data_root: Path | str | None = None,
) -> None:
    """Serve the app until it is interrupted.

    Parameters
    ----------
    path
        The cohort that is opened first, if any.
    demo
        Open the built-in simulated cohort and compare its samples at once.
    port, address
        Where to listen; port 0 takes a free one.
    open_browser
        Whether to show the page in the user's browser.
    data_root
        The folder whose cohorts can be opened; that of `path`, else the current one.

    Raises
    ------
    CohortError
        When `path` lies outside `data_root`.
    """
    root = Path(data_root or (Path(path).resolve().parent if path else Path.cwd()))
    workspace = Workspace(root)
    first = next(iter(DEMOS)) if demo else workspace.key_of(Path(path)) if path else ""
    server = make_server(workspace, first, at_once=demo, port=port, address=address)
    url = f"http://{address}:{server.port}/"
    LOG.info("lotviz runs at %s (Ctrl+C ends it)", url)
    if open_browser:
        webbrowser.open(url)
    server.run_until_shutdown()


def make_server(
    workspace: Workspace, first: str = "", *, at_once: bool = False, port: int = 0, address: str = LOCAL
) -> Any:
    """Return a started server of the app.

    Parameters
    ----------
    workspace
        What can be opened.
    first
        The cohort that a new page opens, unless its address says otherwise.
    at_once
        Compare its samples without waiting to be asked.
    port, address
        Where to listen; port 0 takes a free one.
    """

    def session() -> Any:
        choices = Choices(cohort=first, page="Patients" if at_once else "Cohort")
        return Shell(Session(workspace, choices), at_once=at_once).page

    sweep()
    logging.getLogger("asyncio").addFilter(_CLOSED_PAGES)  # once, however often
    port = port or free_port(address)
    server = pn.io.server.get_server(
        {"/": session},
        port=port,
        address=address,
        websocket_origin=[f"{host}:{port}" for host in dict.fromkeys(("127.0.0.1", "localhost", address))],
        title="lotviz",
        liveness="healthz",
        extra_patterns=[(f"/{PATH}", BringHandler), (f"/{TAKE}", TakeHandler)],
        websocket_max_message_size=LARGEST_MESSAGE,
        start=False,
    )
    server._tornado.transforms.append(SecureHeaders)
    keep_order(server)
    server.start()
    threading.Thread(target=partial(prepare, workspace, first, at_once=at_once), name="prepare", daemon=True).start()
    return server


def free_port(address: str) -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


def prepare(workspace: Workspace, first: str, *, at_once: bool) -> None:
    """Begin the work that the first page will ask for, while the browser is still starting; its page takes it over.

    Compiling comes last: no picture that must be there first needs it.
    """
    if first:
        session, never = Session(workspace, Choices(cohort=first)), threading.Event()
        work = partial(workspace.compare, session.comparison) if at_once else partial(workspace.open, session.opening)
        attempt(lambda: work(lambda *_progress: None, never))
    warm_up()
    attempt(simplex_unavailable)


def warm_up() -> None:
    """Compile Datashader's kernels before anybody waits for them: they cost seconds at their first call."""
    attempt(_shade_everything)
    COMPILED.set()


def _shade_everything() -> None:
    """Draw a few points in every way there is."""
    points = np.random.default_rng(0).normal(size=(64, 2)).astype(np.float32)
    bounds = bounds_of([points])
    shade_populations(points, np.where(points[:, 0] > 0, "a", "b"), {"a": "#000000", "b": "#ffffff"}, bounds=bounds)
    many = {str(number): "#000000" for number in range(9)}  # more populations than eight: another kernel
    shade_populations(points, np.full(len(points), "0"), many, bounds=bounds)
    shade_counts(points, ["#000000", "#ffffff"], bounds=bounds)
    shade_values(points, points[:, 0], limit=1.0, bounds=bounds, theme="light")
