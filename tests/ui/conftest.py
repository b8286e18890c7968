"""Fixtures of the browser tests: one browser for all, a page that remembers what it asked for, a server per test."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

# Found by name under every import mode of pytest, also where the tests are no package.
sys.path.insert(0, str(Path(__file__).parent))

from browser import ARGUMENTS, NoBrowserError, find_browser

_LOCAL_SCHEMES = ("data", "blob", "about")


class Recorder:
    """What a page did besides drawing: requests to other hosts, errors and warnings on the console."""

    def __init__(self, page: Any) -> None:
        self.requests_outside: list[str] = []
        self.console_errors: list[str] = []
        page.on("request", lambda request: self._note(request.url))
        page.on("websocket", lambda socket: self._note(socket.url))
        page.on("pageerror", lambda error: self.console_errors.append(str(error)))
        page.on("console", lambda line: self.console_errors.append(line.text) if line.type == "error" else None)

    def _note(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in _LOCAL_SCHEMES and parts.hostname not in ("127.0.0.1", "localhost"):
            self.requests_outside.append(url)


def _missing(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason} With CI=true the browser tests must run.", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, Chrome or Edge, whichever this machine has, without a window."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _missing("Playwright is not installed: pip install playwright.")
    try:
        path = find_browser()
    except NoBrowserError as error:
        _missing(str(error))
    if path is None:
        _missing("No Chromium, Chrome or Edge here: run python tests/ui/browser.py.")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A fresh page of 1280 x 800; `page.requests_outside` and `page.console_errors` are lists."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    opened = context.new_page()
    recorder = Recorder(opened)
    opened.requests_outside, opened.console_errors = recorder.requests_outside, recorder.console_errors
    yield opened
    context.close()


@pytest.fixture
def watched(page: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """The page with the `PATIENCE` (ms) and the `WINDOW` (pixels) of the module; nothing may go wrong behind it."""
    from playwright.sync_api import expect

    patience = request.module.PATIENCE
    page.set_default_timeout(patience)
    expect.set_options(timeout=patience)
    width, height = request.module.WINDOW
    page.set_viewport_size({"width": width, "height": height})
    yield page
    assert page.requests_outside == []
    assert page.console_errors == []


@pytest.fixture
def visit(watched: Any, address: str, request: pytest.FixtureRequest) -> Callable[..., None]:
    """`visit(region="2")` opens the page that the module's `THERE` names, with more choices, and waits for it."""
    from application import wait_until_drawn

    def go(**choices: str) -> None:
        watched.goto(f"{address}/?{urlencode(request.module.THERE | choices)}")
        wait_until_drawn(watched)

    return go


@contextmanager
def serving(app: Any, *, before: Callable[[Any], None] = lambda _server: None, **options: Any) -> Iterator[str]:
    """Serve a Panel app function (or several, by path) in a thread of its own on a free port of this machine.

    `before` is called with the server before it starts.
    """
    from panel.io.server import get_server
    from tornado.ioloop import IOLoop

    ready = threading.Event()
    state: dict[str, Any] = {}

    def run() -> None:
        asyncio.set_event_loop(asyncio.new_event_loop())
        loop = IOLoop.current()
        try:
            server = get_server(app, port=0, address="127.0.0.1", loop=loop, start=False, **options)
            before(server)
            server.start()
            state.update(loop=loop, server=server)
        finally:
            ready.set()
        loop.start()
        loop.close()

    thread = threading.Thread(target=run, name="panel-server", daemon=True)
    thread.start()
    if not ready.wait(60) or "server" not in state:
        raise RuntimeError("Expected the test server to start within 60 s, found that it did not.")
    try:
        yield f"http://127.0.0.1:{state['server'].port}"
    finally:
        state["loop"].add_callback(_stop, state["server"], state["loop"])
        thread.join(20)


def _stop(server: Any, loop: Any) -> None:
    server.unlisten()
    server.stop(wait=False)
    loop.stop()


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """`serve(app)` serves an app function until the test ends and returns its address."""
    with ExitStack() as servers:
        yield lambda app, **options: servers.enter_context(serving(app, **options))


def pytest_collection_modifyitems(items):
    """Try a browser test up to twice more: on a busy machine a deadline may be missed through no fault of the app."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.flaky(reruns=2))
