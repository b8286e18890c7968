"""Files that are taken away come through the door of this server, by a token that nobody else knows."""

from __future__ import annotations

import pytest

from lotviz.app.take import Outbox
from tests.app.test_server import server  # noqa: F401


@pytest.fixture
def outbox():
    made = Outbox()
    yield made
    made.empty()


def test_a_file_is_given_whole_under_its_name_and_kept_by_nobody(server, outbox):  # noqa: F811
    path = outbox.room() / "study-synthetic.csv"
    content = b"synthetic\n" * 300_000  # more than one piece
    path.write_bytes(content)
    answer = server.ask(f"/{outbox.offer(path)}")
    assert answer.status == 200
    assert answer.body == content
    assert answer.headers["Content-Disposition"] == 'attachment; filename="study-synthetic.csv"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("query", ["", "?file=", "?file=nothing", "?file=../../etc/passwd"])
def test_what_is_not_offered_is_not_there(server, query):  # noqa: F811
    assert server.ask(f"/take{query}").status == 404


def test_what_was_offered_is_gone_with_the_page(server, outbox):  # noqa: F811
    path = outbox.room() / "a.csv"
    path.write_bytes(b"1")
    address = outbox.offer(path)
    outbox.empty()
    assert server.ask(f"/{address}").status == 404
