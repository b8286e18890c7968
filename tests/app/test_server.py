from __future__ import annotations

import asyncio
import base64
import gc
import http.client
import logging
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from tornado.ioloop import IOLoop
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClosedError

from lotviz.app.server import HEADERS, POLICY, free_port, make_server
from lotviz.app.workspace import Workspace


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Client:
    """Asks the app's server, and knows the addresses it listens at."""

    port: int
    listens_at: tuple[tuple[str, int], ...]

    def ask(self, path: str, method: str = "GET", **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
            response = connection.getresponse()
            body = b"" if response.status == 101 else response.read()
            return Answer(response.status, dict(response.getheaders()), body)
        finally:
            connection.close()

    def open_socket(self, origin: str, **more: str) -> Answer:
        """Ask for a websocket as the page of another site would."""
        key = base64.b64encode(b"0123456789abcdef").decode()
        return self.ask(
            "/ws", Upgrade="websocket", Connection="Upgrade", Sec_WebSocket_Key=key, Sec_WebSocket_Version="13",
            Origin=origin, **more,
        )  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Client]:
    """Serve the app from a thread of its own, without any cohort."""
    root, ready, state = tmp_path_factory.mktemp("root"), threading.Event(), {}

    def run():
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            served = make_server(Workspace(root))
            state.update(server=served, loop=IOLoop.current())
        finally:
            ready.set()
        state["loop"].start()
        loop.close()

    def stop():
        state["server"].unlisten()
        state["server"].stop(wait=False)
        state["loop"].stop()

    thread = threading.Thread(target=run, name="app", daemon=True)
    thread.start()
    assert ready.wait(60)
    sockets = state["server"]._http._sockets.values()
    yield Client(state["server"].port, tuple(socket.getsockname()[:2] for socket in sockets))
    state["loop"].add_callback(stop)
    thread.join(20)


def test_only_this_machine_is_listened_to(server):
    assert server.listens_at == (("127.0.0.1", server.port),)


def test_the_server_says_that_it_lives(server):
    assert server.ask("/healthz").status == 200


def test_the_page_is_served(server):
    answer = server.ask("/")
    assert answer.status == 200
    assert b"<title>lotviz</title>" in answer.body


def test_the_page_names_no_other_host(server):
    addresses = re.findall(rb"(?:https?|wss?):\\?/\\?/[\w.-]+", server.ask("/").body)
    own = (b"127.0.0.1", b"localhost", b"www.w3.org")
    assert [address for address in addresses if not address.endswith(own)] == []


EVERYWHERE = [
    ("GET", "/"), ("GET", "/healthz"), ("GET", "/static/js/bokeh.min.js"), ("GET", "/static/js/nothing.js"),
    ("GET", "/static/../../etc/passwd"), ("GET", "/nothing"), ("GET", "/favicon.ico"), ("GET", "/ws"),
    ("GET", "/autoload.js"), ("GET", "/static/extensions/panel/panel.min.js"), ("GET", "/?t=7&page=Nowhere"),
    ("POST", "/"), ("PUT", "/"), ("DELETE", "/"), ("HEAD", "/"), ("OPTIONS", "/"), ("POST", "/healthz"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), EVERYWHERE)
def test_every_answer_holds_browsers_to_our_rules(server, method, path):
    answer = server.ask(path, method)
    assert {name: answer.headers.get(name) for name in HEADERS if name != "Cache-Control"} == {
        name: value for name, value in HEADERS.items() if name != "Cache-Control"
    }
    assert "Cache-Control" in answer.headers


@pytest.mark.parametrize(("method", "path"), [place for place in EVERYWHERE if "autoload" not in place[1]])
def test_no_cookie_is_set_and_no_other_site_is_let_in(server, method, path):
    names = {name.lower() for name in server.ask(path, method).headers}
    assert not names & {"set-cookie", "access-control-allow-origin", "access-control-allow-credentials"}


def test_the_script_that_embeds_the_page_elsewhere_sets_no_cookie(server):
    assert "Set-Cookie" not in server.ask("/autoload.js?bokeh-autoload-element=1").headers


def test_the_policy_forbids_eval_other_hosts_and_frames():
    rules = {words[0]: set(words[1:]) for words in (rule.split() for rule in POLICY.split("; "))}
    assert "'unsafe-eval'" not in POLICY
    assert rules["default-src"] == {"'self'"}
    assert rules["object-src"] == rules["frame-ancestors"] == {"'none'"}
    hosts = {word for words in rules.values() for word in words if "." in word or "*" in word or "//" in word}
    assert hosts == {"ws://127.0.0.1:*", "ws://localhost:*"}


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "http://evil.example:{port}", "http://127.0.0.1.evil.example:{port}", "null",
     "http://127.0.0.1:1", "http://127.0.0.1", "http://[::1]:{port}", "http://0.0.0.0:{port}", "file://"],
)  # fmt: skip
def test_the_page_of_another_site_gets_no_socket(server, origin):
    answer = server.open_socket(origin.format(port=server.port))
    assert answer.status == 403
    assert answer.headers["Content-Security-Policy"] == POLICY


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_our_own_page_gets_its_socket(server, host):
    token = re.search(rb'"token": ?"([^"]+)"', server.ask("/").body)[1].decode()
    answer = server.open_socket(f"http://{host}:{server.port}", Sec_WebSocket_Protocol=f"bokeh, {token}")
    assert answer.status == 101


@pytest.mark.parametrize(
    "query",
    ["?t=7", "?page=Nowhere", "?points=many", "?theme=pink", "?cohort=../../etc/passwd", "?cohort=%00", "?a=%FF%FE",
     "?label=<script>alert(1)</script>", "?nonsense", "?" + "x" * 5000],
)  # fmt: skip
def test_an_address_that_makes_no_sense_still_gets_a_page(server, query):
    answer = server.ask("/" + query.replace("<", "%3C").replace(">", "%3E"))
    assert answer.status == 200
    assert b"<script>alert(1)" not in answer.body


@pytest.mark.parametrize("path", ["/static/../pyproject.toml", "/static/%2e%2e/%2e%2e/etc/passwd", "/../../etc/passwd"])
def test_no_file_beside_the_static_ones_is_served(server, path):
    assert server.ask(path).status in (403, 404)


def test_a_free_port_can_be_listened_at():
    assert 1024 <= free_port("127.0.0.1") < 65536


@pytest.mark.parametrize(
    ("error", "lines"), [(WebSocketClosedError(), 0), (StreamClosedError(), 0), (KeyError("x"), 1)]
)
def test_a_page_that_was_closed_meanwhile_is_no_error_in_the_terminal(server, caplog, error, lines):
    async def lost():
        raise error

    async def forgets():
        task = asyncio.ensure_future(lost())
        await asyncio.sleep(0)
        del task
        gc.collect()

    with caplog.at_level(logging.ERROR, logger="asyncio"):
        asyncio.run(forgets())
    assert len([record for record in caplog.records if "never retrieved" in record.message]) == lines
