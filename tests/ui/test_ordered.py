"""Changes reach the browser in the order in which they were made, whichever library sends them."""

from __future__ import annotations

import panel as pn
import pytest
from bokeh.models import Column, Div
from conftest import serving

from lotviz.app.ordered import keep_order

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import expect


def overtaking():
    """A button that brings a model by Bokeh's way and changes it at once by Panel's."""
    place = Column(css_classes=["place"])
    button = pn.widgets.Button(label="Bring")

    def bring(_event: object) -> None:
        for number in range(20):
            brought = Div(text="…")
            place.children = [*place.children, brought]
            with pn.io.unlocked():
                brought.text = f"number {number}"

    button.on_click(bring)
    return pn.Column(button, pn.pane.Bokeh(place))


def test_a_change_does_not_overtake_the_model_it_belongs_to(page):
    with serving(overtaking, before=keep_order) as address:
        page.goto(address)
        page.get_by_role("button", name="Bring").click()
        expect(page.get_by_text("number 19", exact=True)).to_be_visible()
        expect(page.get_by_text("number 0", exact=True)).to_be_visible()
        assert page.get_by_text("…", exact=True).count() == 0
        assert page.console_errors == []
