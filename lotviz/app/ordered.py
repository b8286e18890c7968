"""Messages to the browser in the order in which they were made.

Bokeh writes a change when the callback that made it has ended, and one frame at a time; Panel writes most changes at
once, past Bokeh's queue. A change of a model could thus overtake the change that brings the model, and the browser
answered "reference isn't known". Here every message is written whole, at the moment it is made.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable
from typing import Any

from panel.io.server import WSHandler
from tornado.websocket import WebSocketClosedError, WebSocketHandler


class OrderedHandler(WSHandler):
    """The socket of one browser. It never holds its write lock, so Panel has no reason to put a message off."""

    def send_message(self, message: Any) -> Awaitable[None]:
        """Write a message now; what is returned waits until the network has taken it."""
        frames: list[tuple[str | bytes, bool]] = [
            (message.header_json, False),
            (message.metadata_json, False),
            (message.content_json, False),
        ]
        for buffer in message._buffers:
            frames += [(json.dumps(buffer.ref), False), (buffer.to_bytes(), True)]
        try:
            written = [WebSocketHandler.write_message(self, frame, binary) for frame, binary in frames]
        except WebSocketClosedError:  # the browser is gone, and nobody waits for the rest
            written = []
        for each in written:  # a browser that goes away is no error, even if nobody waits any more
            each.add_done_callback(lambda task: task.cancelled() or task.exception())
        return _all(written)


async def _all(written: list[asyncio.Future[None]]) -> None:
    """Wait for what was written; a browser that goes away meanwhile is no error."""
    for outcome in await asyncio.gather(*written, return_exceptions=True):
        if isinstance(outcome, BaseException) and not isinstance(outcome, WebSocketClosedError):
            raise outcome


def keep_order(server: Any) -> None:
    """Let a server that has not started yet talk to its browsers through `OrderedHandler`."""
    for rule in server._tornado.wildcard_router.rules:
        if rule.target is WSHandler:
            rule.target = OrderedHandler
