"""Patients: how alike are they? The map, every pair as its honesty check, and the cells that are behind it."""

from __future__ import annotations

from lotviz.app.choices import ALONG, AVERAGES, BICLUSTERS, VIEW
from lotviz.app.frame import (
    Page,
    button,
    grid,
    headline,
    key,
    picture,
    question,
    remark,
    row_of,
    section,
    segments,
    select,
)
from lotviz.app.pages.patients_averages import averages_controls, averages_picture
from lotviz.app.pages.patients_axis import axis_controls, axis_picture
from lotviz.app.pages.patients_pairs import answer, beside_map, cluster_controls
from lotviz.app.pages.patients_places import (
    PLACED,
    map_keys,
    map_note,
    map_picture,
    map_words,
    newcomer_controls,
    unlike,
)
from lotviz.app.pages.patients_survey import surveyed
from lotviz.app.pages.views_of_cells import (
    axes_note,
    population_keys,
    sample_cloud,
    short_name,
    used_badge,
    view_controls,
)
from lotviz.app.session import Session
from lotviz.views.clouds import SHAPE
from lotviz.views.maps import MAP_SHAPE
from lotviz.views.style import nothing

ROWS_OF_CELLS = "minmax(300px, 1.7fr) minmax(220px, 1fr)"
ROWS_OF_A_TABLE = "minmax(300px, 1.3fr) minmax(350px, 1fr)"  # its words are above each other, five lines below them
LETTERS = 21  # of the name of a sample and of its group, above its cells
SHOWN = 4  # samples whose cells are shown below the map


def patients(session: Session) -> Page:
    """Lay out the Patients page."""
    page = Page()
    count = len(session.embedding.samples)
    depends = ("part", "clusters", "survey")
    page.head = page.html(lambda: question("How alike are the patients?", answer(session)), *depends)
    title = f"Map of {count} samples"
    head = page.html(lambda: headline(title, map_note(session), map_keys(session)), "colour", *PLACED)
    plot = page.shaped(lambda: map_picture(session), "colour", "a", "b", *PLACED, shape=MAP_SHAPE)
    foot = page.html(lambda: map_words(session), *PLACED)
    wide = 7 if session.choices.beside_map == BICLUSTERS else 8
    below = {ALONG: axis_picture, AVERAGES: averages_picture}.get(session.choices.below_map, _cells_picture)
    page.body = grid(
        (picture(head, plot, foot), f"1 / span {wide}", "1"),
        (beside_map(session, page), f"{wide + 1} / span {12 - wide}", "1"),
        (below(session, page), "1 / span 12", "2"),
        rows=ROWS_OF_CELLS if below is _cells_picture else ROWS_OF_A_TABLE,
    )
    page.drawer = _drawer(session, page)
    return page


def shown_samples(session: Session) -> list[str]:
    """Name the samples whose cells are shown: the pair, then those unlike everyone else, then the rest."""
    names = [str(name) for name in session.embedding.samples.index]
    order = [session.choices.a, session.choices.b, *unlike(session), *names]
    return list(dict.fromkeys(order))[:SHOWN]


def _cells_picture(session: Session, page: Page) -> object:
    """Return the cells of a few samples."""
    tiles = [_tile(session, page, place) for place in range(min(SHOWN, len(session.embedding.samples)))]
    head = page.html(lambda: _cells_head(session), "a", "b", "survey", *VIEW)
    return picture(head, row_of(tiles))


def _tile(session: Session, page: Page, place: int) -> object:
    """Return the place of one sample's cells."""

    def head() -> str:
        if surveyed(session) is None:
            return ""
        name = shown_samples(session)[place]
        group = session.group_of(name)
        colours, marks = session.group_style()
        legend = key(group, colours[group], marks[group]) if group in colours else ""
        return headline(short_name(name, LETTERS - len(group) if legend else LETTERS), legend)

    def cells() -> object:
        if surveyed(session) is None:
            return nothing("", session.choices.theme)
        return sample_cloud(session, shown_samples(session)[place], shares=False)

    return picture(
        page.html(head, "a", "b", "survey"), page.shaped(cells, "a", "b", "survey", *VIEW, shape=SHAPE, late=True)
    )


def _cells_head(session: Session) -> str:
    """Say what the small pictures show."""
    if surveyed(session) is None:
        return headline("Their cells")
    right = f"{population_keys(session, 60)}{used_badge(session, *shown_samples(session))}"
    return headline("Their cells", axes_note(session), right)


def _drawer(session: Session, page: Page) -> list[object]:
    """Return the choices of the page."""
    choices = session.choices
    parts = [section("Show")]
    if session.colour:
        parts.append(select(choices, "colour", "Colour by"))
    parts += [
        segments(choices, "placing", "Map"),
        segments(choices, "part", "Distance"),
        segments(choices, "beside_map", "Beside the map"),
        select(choices, "below_map", "Below the map"),
    ]
    if choices.below_map == ALONG:
        parts += axis_controls(session)
    elif choices.below_map == AVERAGES:
        parts += averages_controls(session)
    return [
        *parts,
        *view_controls(session),
        *cluster_controls(session, page),
        section("Chosen pair"),
        select(choices, "a", "First"),
        select(choices, "b", "Second"),
        button("Compare the two in Transport", lambda: choices.param.update(page="Transport"), filled=True),
        remark("A tap on the map makes a sample the second of the pair, in place of the one before."),
        *newcomer_controls(session, page),
    ]
