"""The application in the browser; the only room that knows Panel."""

from __future__ import annotations

from lotviz.app.server import run

__all__ = ["run"]
