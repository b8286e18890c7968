"""The filmstrip below the morph: the same cells at five places, where the window has room for it."""

from __future__ import annotations

from functools import partial
from html import escape
from io import BytesIO

import numpy as np
import panel as pn

from lotviz.app.choices import VIEW
from lotviz.app.frame import Live, Page
from lotviz.app.pages.morph_class import severe
from lotviz.app.pages.morph_numbers import CELLS, scene
from lotviz.app.pages.morph_picture import frame_with
from lotviz.app.pages.morph_scene import Scene
from lotviz.app.pages.morph_stops import CLASS, COLUMN, SEVERAL
from lotviz.app.session import Session
from lotviz.views.clouds import shade_counts
from lotviz.views.style import signed
from lotviz.views.theme import sequential

PLACES = (0.0, 0.25, 0.5, 0.75, 1.0)
DRAWN = 8_000  # cells of a picture
WIDTH = 180  # pixels
# Below this height the canvas needs the room.
_HIDDEN = ":host { display: none !important; } @media (min-height: 860px) { :host { display: grid !important; } }"


def strip(session: Session, page: Page) -> pn.Column:
    """Return the filmstrip; nothing of a mixture of several, which has no two ends."""
    if session.choices.morph == SEVERAL:
        return pn.Column(margin=0)
    cells = []
    for column, place in enumerate(PLACES, start=1):
        image = pn.pane.PNG(None, sizing_mode="stretch_width", height=78, margin=0, alt_text=_words(place))
        image.stylesheets = ["img { object-fit: contain; width: 100%; height: 100%; }"]
        page.live.append(Live(image, partial(_frame, session, place), (*CELLS, *VIEW), late=True))
        named = page.html(partial(_label, session, place), *CELLS)
        for row, piece in enumerate((image, named), start=1):
            piece.styles = {"grid-column": str(column), "grid-row": str(row), "min-width": "0"}
            cells.append(piece)
    layout = {"grid-template-columns": f"repeat({len(PLACES)}, minmax(0, 1fr))", "gap": "0 18px", "padding-top": "8px"}
    return pn.Column(*cells, margin=0, sizing_mode="stretch_width", styles=layout, stylesheets=[_HIDDEN])


def _label(session: Session, place: float) -> str:
    """Return the words below a picture: percent of the way, the step, or the score."""
    words = f"{100 * place:.0f} %"
    found = severe(session) if session.choices.morph == CLASS else None
    if found is not None:
        words = signed(found.start + place * (found.end - found.start))
    return f'<div class="said" style="text-align:center">{escape(words)}</div>'


def _words(place: float) -> str:
    return f"Cells {100 * place:.0f} % of the way"


def _frame(session: Session, place: float) -> bytes | None:
    """Return the picture of the cells at a place, as a PNG; None as long as they are not there."""
    found = scene(session)
    if found is None:
        return None
    points = _at(session, found, place)
    image = shade_counts(points, sequential(session.choices.theme), bounds=frame_with(session, found), width=WIDTH)
    return _png(image)


def _at(session: Session, found: Scene, place: float) -> np.ndarray:
    """Return some cells at a place, in proportion to their masses, (n, 2)."""
    k, size = len(found.stops), min(DRAWN, found.n)
    along = session.choices.morph == COLUMN
    weights = np.maximum(0.0, 1 - np.abs(place * (k - 1) - np.arange(k))) if along else np.array([1 - place, place])
    ends = np.cumsum(found.mass_at(weights))
    drawn = np.searchsorted(ends, (np.arange(size) + 0.5) / size * ends[-1])
    few = found.some(np.minimum(drawn, found.n - 1))
    seen = (weights[i] * few.seen(int(i), session.embedding, session.projection) for i in np.flatnonzero(weights))
    return np.sum(list(seen), axis=0)


def _png(image: np.ndarray) -> bytes:
    """Write an image, (height, width, 4) bytes with row 0 at the bottom."""
    from PIL import Image

    written = BytesIO()
    Image.fromarray(np.ascontiguousarray(image[::-1]), "RGBA").save(written, format="PNG")
    return written.getvalue()
