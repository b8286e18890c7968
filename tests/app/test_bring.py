from __future__ import annotations

import json

from tornado.testing import AsyncHTTPTestCase
from tornado.web import Application

from lotviz.app.bring import PATH, BringHandler, forget, register
from lotviz.app.inbox import LARGEST_PIECE, Inbox


class BringTest(AsyncHTTPTestCase):
    def setUp(self):
        self.inbox = Inbox(largest=10_000)
        register(self.inbox)
        super().setUp()

    def tearDown(self):
        super().tearDown()
        forget(self.inbox)

    def get_app(self):
        return Application([(f"/{PATH}", BringHandler)])

    def send(self, body, *, name="P1.csv", offset=0, size=None, token=None, origin=None):
        headers = {
            "X-Lotviz-Session": self.inbox.token if token is None else token,
            "Origin": origin or f"http://127.0.0.1:{self.get_http_port()}",
        }
        size = len(body) if size is None else size
        return self.fetch(f"/{PATH}?name={name}&offset={offset}&size={size}", method="POST", body=body, headers=headers)

    def test_pieces_come_together(self):
        first = self.send(b"CD3\n", size=8)
        assert (first.code, json.loads(first.body)) == (200, {"whole": False, "replaced": False})
        assert json.loads(self.send(b"1.5\n", offset=4, size=8).body) == {"whole": True, "replaced": False}
        assert (self.inbox.folder / "P1.csv").read_bytes() == b"CD3\n1.5\n"

    def test_what_is_wrong_is_said_in_words(self):
        answer = self.send(b"x", name="model.pkl")
        assert answer.code == 422
        assert "found another kind of file" in json.loads(answer.body)["problem"]

    def test_without_the_token_nothing_is_taken(self):
        for token in ("", "guess"):
            assert self.send(b"x", token=token).code == 403
        assert self.inbox.names() == []

    def test_another_site_cannot_send_anything(self):
        for origin in ("http://evil.example", "null", f"http://127.0.0.1:{self.get_http_port() + 1}"):
            assert self.send(b"x", origin=origin).code == 403

    def test_numbers_that_are_none_are_refused(self):
        assert self.send(b"x", offset="one").code == 400
        assert self.send(b"x", offset=-5).code == 422

    def test_a_piece_that_is_too_large_is_not_even_read(self):
        answer = self.send(b"x" * (LARGEST_PIECE + 1))
        assert answer.code in (400, 413, 599)
        assert self.inbox.names() == []

    def test_nothing_comes_in_once_the_session_is_over(self):
        forget(self.inbox)
        assert self.send(b"x").code == 403
        assert not self.inbox.folder.exists()
