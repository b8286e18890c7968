"""The drawer of the Morph page: what is morphed, what is shown, whether to believe it, how to take it away."""

from __future__ import annotations

import panel as pn
import panel_material_ui as pmui

from lotviz.app.choices import NONE
from lotviz.app.frame import CONTROL, Page, button, many_of, remark, section, segments, select
from lotviz.app.offers import MOST_CORNERS
from lotviz.app.pages.morph_believable import believable
from lotviz.app.pages.morph_class import unavailable
from lotviz.app.pages.morph_kinds import EXPLAINED, refused
from lotviz.app.pages.morph_picture import MARKER, offered_shades
from lotviz.app.pages.morph_save import save_controls
from lotviz.app.pages.morph_stops import CLASS, COLUMN, SEVERAL, TWO, offered_corners, weights_of, written
from lotviz.app.pages.views_of_cells import view_controls
from lotviz.app.session import Session

MOST_CURVES = 6


def drawer(session: Session, page: Page) -> list[object]:
    """Return the choices of the page."""
    choices = session.choices
    ends = [section("Morph"), select(choices, "morph", "What is morphed"), *_ENDS[choices.morph](session)]
    if choices.morph == CLASS and unavailable(session) is not None:
        return [*ends, *_instead(session)]
    return [
        *ends,
        *_manner(session, page),
        section("Show"),
        *view_controls(session),
        *_colour_controls(session),
        _curves(session),
        section("Is it believable?"),
        *believable(session, page),
        section("Take it away"),
        *save_controls(session, page),
    ]


def _two(session: Session) -> list[object]:
    choices = session.choices

    def swap() -> None:
        choices.param.update(a=choices.b, b=choices.a, t=1 - choices.t)

    keys = "Drag, or focus the slider and use the arrow keys. Home is the first sample, End the second."
    return [select(choices, "a", "From"), select(choices, "b", "To"), button("Swap", swap), remark(keys)]


def _several(session: Session) -> list[object]:
    """Return what can be mixed, and how much of each there is."""
    choices = session.choices
    groups = choices.mixed != NONE
    mixed = pmui.Select(
        label="Mix",
        options={_mix_word(name): name for name in choices.param["mixed"].objects},
        value=choices.mixed,
        **CONTROL,
    )
    mixed.param.watch(lambda event: choices.param.update(mixed=event.new, corners={}), "value")
    offered, chosen = offered_corners(session), list(weights_of(session))
    corners = many_of("Groups" if groups else "Samples", offered, chosen, max_items=MOST_CORNERS)

    def choose(_event: object) -> None:
        names = list(corners.value)[:MOST_CORNERS]
        if len(names) < 2:
            return
        before = weights_of(session)
        weights = {name: before.get(name, 1 / len(names)) for name in names}
        total = sum(weights.values()) or 1.0
        choices.corners = written({name: weight / total for name, weight in weights.items()})

    corners.param.watch(choose, "value")
    alike = button("All alike", lambda: choices.param.update(corners=dict.fromkeys(weights_of(session), "1")))
    words = f"Two to {MOST_CORNERS}; their weights always sum to one: what one gains the others give, in proportion."
    if groups:
        words += " Of a group, each synthetic cell comes from one member, each member as often."
    return [mixed, corners, alike, remark(words)]


def _mix_word(name: str) -> str:
    return "Samples" if name == NONE else f"Groups of {name}"


def _column(session: Session) -> list[object]:
    choices = session.choices
    parts: list[object] = [select(choices, "along", "Along"), select(choices, "within", "Within one")]
    if choices.chosen("within") is not None:
        parts.append(select(choices, "level", "Which"))
    words = (
        "Each synthetic cell comes from one sample of a step, each sample as often. Steps lie equally far apart on the "
        "slider, whatever their numbers."
    )
    return [*parts, remark(words)]


def _class(session: Session) -> list[object]:
    choices = session.choices
    parts: list[object] = [select(choices, "a", "Sample"), select(choices, "label", "Separate by")]
    if len(session.groups()) > 2:
        parts.append(select(choices, "positive", "Towards"))
    return parts


def _manner(session: Session, page: Page) -> list[object]:
    """Return how cells get from end to end, with what that means; or why there is no choice."""
    choices, why = session.choices, refused(session)
    if choices.morph == CLASS:
        return []
    if why is not None:
        return [remark(why)]
    words = page.html(lambda: f'<div class="drawer-note">{EXPLAINED[choices.manner]}</div>', "manner")
    return [segments(choices, "manner", "Cells move"), words]


def _instead(session: Session) -> list[object]:
    """Return what can be done where no patient can be moved towards a class."""
    choices = session.choices
    weights = button("See Weights", lambda: choices.param.update(page="Weights"))
    if session.label is None:
        return [weights]
    if session.classification is None:
        return [button("Separate the groups", session.separate, filled=True), weights]
    return [weights, button("Show anyway", lambda: choices.param.update(insist=True))]


_ENDS = {TWO: _two, SEVERAL: _several, COLUMN: _column, CLASS: _class}


def _colour_controls(session: Session) -> list[object]:
    """Return what colour means, and the marker where it is one."""
    choices = session.choices
    shade = pmui.Select(label="Colour by", options=offered_shades(session), value=choices.shade, **CONTROL)
    if choices.shade not in shade.options:
        shade.value = shade.options[0]
    shade.param.watch(lambda event: setattr(choices, "shade", event.new), "value")
    marker = select(choices, "tint", "Marker of the colour")
    marker.visible = pn.bind(lambda chosen: chosen == MARKER, choices.param.shade)
    return [shade, marker]


def _curves(session: Session) -> pmui.MultiChoice:
    """Return the list of the markers whose curves are shown; none for those that differ most."""
    choices, markers = session.choices, list(session.embedding.markers)
    chosen = [marker for marker in choices.curves if marker in markers]
    widget = many_of("Curves of", markers, chosen, max_items=MOST_CURVES, placeholder="those that differ most")
    widget.param.watch(lambda event: setattr(choices, "curves", list(event.new)), "value")
    return widget
