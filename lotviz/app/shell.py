"""The frame round every page: header, rail, drawer, the line of work under way, the strip that is always there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui
import param

from lotviz import __version__
from lotviz.app import pages
from lotviz.app.address import follow, go_back
from lotviz.app.choices import OPENING, PAGES, RESULTS, Choices
from lotviz.app.failures import Failure, attempt
from lotviz.app.frame import FULL, WIDE, Live, Page, html, keys, problems, question
from lotviz.app.in_browser import Connection, CopyButton, Keys
from lotviz.app.later import Later
from lotviz.app.look import MATERIAL, NAVIGATION, PAGE
from lotviz.app.script import script_of
from lotviz.app.session import Session
from lotviz.views.theme import OWN_COLOURS, bokeh_theme

ICONS = {
    "Cohort": "groups",
    "Patients": "scatter_plot",
    "Transport": "swap_horiz",
    "Weights": "balance",
    "Morph": "tune",
    "Drugs": "medication",
}
LOOK_AGAIN = 150  # ms between two looks at the work under way

# Set once Datashader's kernels are compiled; until then pictures of cells are left for later.
COMPILED = threading.Event()


class Shell:
    """The page of one session, as Panel objects.

    Parameters
    ----------
    session
        What is shown.
    at_once
        Compare the samples as soon as the cohort is open, and separate the groups as soon as that is looked at.
    """

    def __init__(self, session: Session, *, at_once: bool = False) -> None:
        self.session = session
        self._at_once = at_once
        self._live: Page = Page()
        self._fault: Failure | None = None
        self._asked = 0  # how often a page was asked for
        self._later = Later(lambda live: self._fill([live]), self._can_fill, self._in_turn)
        self._document = pn.state.curdoc
        self._looking: Any = None
        self._loaded = False
        if pn.state.location is not None:  # first of all: the frame is built for the page that the address names
            follow(session.choices, pn.state.location)
        self._build()
        session.on_change = self._changed_work
        session.aside.began = self._look_again
        session.aside.told = self._heard
        session.choices.param.watch(self._changed_choices, list(Choices.IN_ADDRESS))
        self._dress()
        if session.choices.cohort:
            session.open()
        else:
            self.draw()
        pn.state.onload(self._begin_to_look)
        pn.state.on_session_destroyed(lambda _context: session.end())

    # ---- building -----------------------------------------------------------------------------------------------

    def _build(self) -> None:
        """Lay out what stays: everything but the page in the centre and its drawer."""
        self._navigation = pmui.MenuList(
            items=[{"label": name, "icon": ICONS[name]} for name in PAGES],
            active=(PAGES.index(self.session.choices.page),),
            dense=True,
            color="primary",
            highlight=True,
            margin=(10, 8, 6, 8),
            sx=NAVIGATION,
            **WIDE,
        )
        self._navigation.param.watch(self._navigate, "active")
        self._summary = html("")
        self._head = html("")
        self._progress = html("", visible=False)
        self._stop = pmui.Button(label="Stop", variant="outlined", size="small", margin=(0, 24, 10, 0))
        self._stop.on_click(lambda _event: self.session.close())
        self._working = pn.Row(self._progress, self._stop, visible=False, margin=0, **WIDE)
        self._failure = html("")
        self._body = pn.Column(**FULL, styles={"min-height": "0"})
        self._drawer = pn.Column(margin=(6, 0, 12, 0), **WIDE)
        self._script = html("", margin=(0, 0, 12, 0))
        self._copy = CopyButton(margin=(0, 0, 12, 0), **WIDE)
        self._dialog = pmui.Dialog(
            self._copy, self._script, title="This screen as a script", width_option="md", close_on_click=True
        )
        copy = pmui.Button(label="Copy as Python", variant="text", size="small", sx={"color": "var(--lv-ink2)"})
        copy.on_click(lambda _event: self._show_script())
        self._strip = html("", height=25, styles=_AT_THE_BOTTOM)
        centre = pn.Column(self._head, self._working, self._failure, self._body, scroll=True, **FULL)
        nothing = {"width": 0, "height": 0, "margin": 0}
        self.page = pmui.Page(
            title="lotviz",
            sidebar=[self._navigation, self._summary],
            main=[centre, self._dialog, Keys(self._went, **nothing), Connection(**nothing)],
            header=[pn.Spacer(**WIDE), copy, self._strip],
            contextbar=[self._drawer],
            contextbar_open=True,
            contextbar_variant="persistent",
            contextbar_width=256,
            sidebar_variant="persistent",
            sidebar_width=208,
            sidebar_resizable=False,
            theme_config=MATERIAL,
            sx=PAGE,
            dark_theme=self.session.choices.theme == "dark",
            theme_toggle=True,
        )
        self.page.param.watch(self._toggle_theme, "dark_theme")

    # ---- drawing ------------------------------------------------------------------------------------------------

    def draw_soon(self) -> None:
        """Name the chosen page, so that the click is answered; draw it as soon as the browser has been told."""
        self._head.object = question(pages.title(self.session), "…")
        self._body[:], self._drawer[:] = [], []
        self._asked += 1
        pn.state.execute(partial(self._draw_asked, self._asked), schedule=True)

    def _draw_asked(self, asked: int) -> None:
        """Draw, unless another page has been asked for since: of ten quick clicks only the last is drawn."""
        if asked == self._asked:
            self.draw()

    def draw(self) -> None:
        """Draw the chosen page, its drawer and the rail from the results there are."""
        outcome = attempt(partial(pages.page, self.session))
        page: Page = outcome.answer or Page(head=html(question("This page could not be drawn", "")))
        self._live, self._fault = page, outcome.failure or self.session.failure
        self._later.keep([])
        self._fill([live for live in page.live if not _waits(live)])
        self._head.object = page.head.object if page.head is not None else ""
        self._body[:] = [page.body] if page.body is not None else []
        self._drawer[:] = page.drawer
        self._summary.object = _summary(self.session)
        self._strip.object = _strip(self.session)
        if page.head is not None:
            page.head.param.watch(lambda event: setattr(self._head, "object", event.new), "object")
        self._show_work()
        self._later.owe([live for live in page.live if _waits(live)])

    def _can_fill(self, live: Live) -> bool:
        """Whether a pane can be filled now: a cloud of cells waits for Datashader, not to block the page."""
        return not live.late or COMPILED.is_set() or self._document is None

    def _in_turn(self, pay: Callable[[], None], wait: bool) -> None:
        """Call back after what else there is to do, or after a while."""
        if wait:
            self._document.add_timeout_callback(pay, LOOK_AGAIN)
        else:
            pn.state.execute(pay, schedule=True)

    def _refresh(self, names: set[str]) -> None:
        """Compute again what depends on the choices that changed."""
        self._fault = None
        touched = [live for live in self._live.live if names & set(live.depends)]
        self._fill([live for live in touched if not _waits(live)])
        self._later.owe([live for live in touched if _waits(live)])
        self._show_work()  # at once: what the page now waits for has been begun

    def _fill(self, lives: Sequence[Live]) -> None:
        """Fill live panes; the first failure is shown, the other panes are filled all the same."""
        for live in lives:
            outcome = attempt(partial(_put, live))
            self._fault = self._fault or outcome.failure
        self._show_fault()

    def _show_fault(self) -> None:
        """Show what went wrong, in few words where it is above a page that is whole."""
        self._failure.object = _alert(self._fault, most=2 if self._fault is self.session.aside.failure else 12)

    # ---- events -------------------------------------------------------------------------------------------------

    def _navigate(self, event: param.parameterized.Event) -> None:
        """Go to the page that was tapped in the rail."""
        if event.new:
            self.session.choices.page = PAGES[event.new[0]]

    def _changed_choices(self, *events: param.parameterized.Event) -> None:
        """Do what follows from the choices that changed."""
        if self.session.settling:
            return
        names = {event.name for event in events}
        if names & set(OPENING):
            self.session.open()
        elif "page" in names or names & set(RESULTS):
            if "label" in names:
                self.session.fit_choices(self.session.offer_columns)
            if "morph" in names and "t" not in names:  # a place between two samples is none of another morph
                self.session.fit_choices(lambda: self.session.choices.param.update(t=0.5))
            self._navigation.active = (PAGES.index(self.session.choices.page),)
            if self._at_once and self.session.job is None and self.session.cohort is not None:
                self._go_on()
            self.draw_soon()
        elif "theme" in names:
            self._dress()
            self.draw_soon()
        else:
            self._refresh(names)

    def _went(self, query: str) -> None:
        """Follow the buttons Back and Forward of the browser."""
        go_back(query, self.session.choices)

    def _toggle_theme(self, event: param.parameterized.Event) -> None:
        """Follow the switch in the header."""
        self.session.choices.theme = "dark" if event.new else "light"

    def _dress(self) -> None:
        """Give the document the theme's figures; figures drawn before keep the old one, so pages are drawn again."""
        if self._document is not None:
            self._document.theme = bokeh_theme(self.session.choices.theme)

    def _changed_work(self) -> None:
        """Show the work that began or ended, and what it brought."""
        session = self.session
        if session.job is not None:
            self._look_again()
        elif self._at_once and session.failure is None and session.cohort is not None:
            self._go_on()
        self.draw_soon()

    def _heard(self, names: set[str]) -> None:
        """Draw what waited for work beside the page."""
        if names & {"weights", "interaction"}:
            self.draw_soon()
            return
        self._refresh(names)
        if self.session.aside.failure is not None:
            self._fault = self.session.aside.failure
            self._show_fault()

    def _go_on(self) -> None:
        """Take the next step of a demonstration: compare; on the page of weights, separate."""
        session = self.session
        if session.embedding is None:
            session.compare()
        elif session.choices.page == "Weights" and session.classification is None and session.label:
            self._at_once = False
            session.separate()

    def _look_again(self) -> None:
        """Begin to look at the work under way, unless that is being done."""
        if self._looking is None and self._loaded:
            self._looking = pn.state.add_periodic_callback(self._look, period=LOOK_AGAIN)

    def _begin_to_look(self) -> None:
        """Look from now on: what is drawn while the browser still fetches the page would reach it in pieces."""
        self._loaded = True
        if self.session.job is not None or self.session.aside.job is not None:
            self._look_again()

    def _look(self) -> None:
        """Look at the work under way."""
        if not self.session.poll() and self._looking is not None:
            self._looking.stop()
            self._looking = None
        self._show_work()

    def _show_work(self) -> None:
        """Say what is under way and how far it is."""
        job = self.session.job or self.session.aside.job
        self._working.visible = self._progress.visible = job is not None
        if job is not None:
            bar = f'<span class="track"><i style="width:{100 * job.share:.0f}%"></i></span>'
            self._progress.object = (
                f'<div class="progress" role="status">{bar}<span>{escape(job.sentence())}</span></div>'
            )

    def _show_script(self) -> None:
        """Show the screen as the script that makes its numbers."""
        text = script_of(self.session)
        self._copy.text = text
        self._script.object = f'<pre data-testid="script" tabindex="0">{escape(text)}</pre>'
        self._dialog.open = True


_AT_THE_BOTTOM = {
    "position": "fixed",
    "left": "0",
    "right": "0",
    "bottom": "0",
    "z-index": "1290",  # over every drawer
    "width": "100%",
}


def _waits(live: Live) -> bool:
    """Whether a pane is filled once the words of the page are on the screen: pictures are."""
    return live.late or isinstance(live.pane, pn.pane.HoloViews)


def _put(live: Live) -> None:
    """Give a pane its content."""
    content = live.compute()
    if live.pane is not None:
        live.pane.object = content


def _alert(failure: Failure | None, *, most: int = 12) -> str:
    """Return a failure as the problems it consists of, with the traceback behind "Details"."""
    if failure is None:
        return ""
    details = f"<details><summary>Details</summary><pre>{escape(failure.details)}</pre></details>"
    body = problems(failure.problems, most=most, narrow=True) + (details if failure.details else "")
    return f'<div role="alert" style="padding:2px 24px 14px">{body}</div>'


def _strip(session: Session) -> str:
    """Return the strip at the foot of every page."""
    cohort = session.cohort
    kind = "" if cohort is None else "Simulated data" if cohort.synthetic else "Measured data"
    facts = (kind, f"lotviz {__version__}", f"seed {session.choices.seed}", "runs on this machine only")
    return (
        '<div class="strip" role="note"><b>Research use only</b><span>Not for diagnosis or treatment decisions</span>'
        f'<span class="space"></span>{"".join(f"<span>{fact}</span>" for fact in facts)}</div>'
    )


def _summary(session: Session) -> str:
    """Return the rail's account of the cohort, which is also the permanent legend of its groups."""
    cohort = session.cohort
    if cohort is None:
        return ""
    row = "<tr><td>{}</td><td class='number'>{}</td></tr>".format
    who = session.group
    facts = [row("Patients", cohort.samples[who].nunique())] if who else []
    facts += [
        row("Samples", len(cohort.samples)),
        row("Cells", _many(cohort.total_cells)),
        row("Markers", cohort.n_markers),
    ]
    parts = [f"<h2>{escape(cohort.name)}</h2><table>{''.join(facts)}</table>", _groups(session), _reference(session)]
    if session.problems:
        count = len(session.problems)
        parts.append(f'<p class="open">{count} open problem{"s" if count > 1 else ""}</p>')
    return f'<div class="rail">{"".join(parts)}</div>'


def _groups(session: Session) -> str:
    """Return the bar and the legend of the groups."""
    label = session.grouping
    if not label:
        return ""
    counts = session.texts(label).value_counts()
    colours, marks = session.group_style()
    bar = "".join(f'<div style="flex:{counts[g]};background:{colour}"></div>' for g, colour in colours.items())
    rows = "".join(
        f"<tr><td>{keys({g: colour}, marks)}</td><td class='number'>{counts[g]}</td></tr>"
        for g, colour in list(colours.items())[:OWN_COLOURS]
    )
    rows += f"<tr><td>and {len(colours) - OWN_COLOURS} more</td></tr>" if len(colours) > OWN_COLOURS else ""
    return f'<div class="groups">{bar}</div><table>{rows}</table>'


def _reference(session: Session) -> str:
    """Return what the samples were registered to."""
    embedding = session.embedding
    if embedding is None:
        return ""
    row = "<tr><td>{}</td><td class='number'>{}</td></tr>".format
    share = f"{100 * embedding.residual_share:.1f} %"
    used = f"{int(embedding.n_cells_used.sum()):,} of {int(embedding.n_cells.sum()):,}"
    facts = [row("Points", len(embedding.masses)), row("Residual", share), row("Cells used", used)]
    return f"<h2>Reference</h2><table>{''.join(facts)}</table>"


def _many(count: int) -> str:
    """Write a large number briefly.

    Examples
    --------
    >>> _many(3_600_000), _many(48_000)
    ('3.6 M', '48,000')
    """
    return f"{count / 1e6:.1f} M" if count >= 1_000_000 else f"{count:,}"
