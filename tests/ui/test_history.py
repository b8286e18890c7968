"""Back and forward in the browser, and a page whose server is gone."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import sys
import time
from unittest.mock import patch

import pytest
from application import application, wait_until_drawn
from playwright.sync_api import expect

import lotviz.app.workspace as workspace_module
from lotviz.app.workspace import DEMOS, Workspace

PATIENCE = 60_000  # ms; the machine may be busy with other things
WINDOW = (1280, 800)
SMALL = {"cells": 200, "markers": 6}
WAY = ("Patients", "Transport", "Weights", "Morph")  # the first is where a demonstration begins


@pytest.fixture
def served(tmp_path):
    """The address of a demonstration with fewer cells."""
    quick = {name: {**options, **SMALL} for name, options in DEMOS.items()}
    with (
        patch.dict(workspace_module.DEMOS, quick),
        application(Workspace(tmp_path), next(iter(DEMOS)), at_once=True) as address,
    ):
        yield address


def go_to(page, name):
    page.get_by_role("button", name=name, exact=True).click()
    arrived(page, name)


def arrived(page, name):
    expect(page).to_have_url(re.compile(rf"[?&]page={name}(&|$)"))
    wait_until_drawn(page)


def test_every_press_of_back_and_forward_is_a_page(served, watched):
    page = watched
    page.goto(served)
    wait_until_drawn(page)
    for name in WAY[1:]:
        go_to(page, name)
    for name in reversed(WAY[:-1]):
        page.go_back(wait_until="commit")
        arrived(page, name)
    for name in WAY[1:]:
        page.go_forward(wait_until="commit")
        arrived(page, name)


def answers(port):
    """Wait until a server listens."""
    for _ in range(600):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    pytest.fail("Expected lotviz to be served within a minute.")


def test_a_page_whose_server_is_gone_says_so(tmp_path, page):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "lotviz", "serve", str(tmp_path), "--no-browser", "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        answers(port)
        page.goto(f"http://127.0.0.1:{port}")
        expect(page.locator("header.question h1")).to_be_visible(timeout=PATIENCE)
        lost = page.get_by_text("The connection to lotviz is lost")
        page.wait_for_function("() => window.Bokeh?.documents.length && Bokeh.documents[0].is_idle", timeout=PATIENCE)
        expect(lost).to_have_count(0)
    finally:
        server.kill()
        server.wait()
    expect(lost).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_role("button", name="Load the page again")).to_be_visible()
