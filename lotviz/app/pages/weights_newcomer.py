"""Another patient: samples the model has not seen, placed, scored, and judged whether it may say anything of them."""

from __future__ import annotations

import io
import tempfile
import threading
from dataclasses import dataclass, replace
from functools import partial
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd
import panel_material_ui as pmui

from lotviz.analysis.patient_model import PatientModel, fit_patient_model
from lotviz.app.choices import MARKERS, VIEW
from lotviz.app.desk import BROUGHT
from lotviz.app.frame import CONTROL, Page, badge, cells_badge, grid, headline, picture, remark, section
from lotviz.app.jobs import Progress
from lotviz.app.pages.weights_cells import SCALE, bounds_in
from lotviz.app.session import Session
from lotviz.app.workspace import Opening
from lotviz.data.transforms.transform import Transform
from lotviz.transport import LOTEmbedding
from lotviz.views.clouds import SHAPE, biaxial_cloud, values_cloud
from lotviz.views.style import nothing, signed

MOST_ROWS = 12
DEPENDS = ("assessment", "newcomer")
REFUSED = (
    "A model that takes pairs or covariates out of the samples, or foretells a number, cannot be shown samples from "
    "elsewhere: ask for classes without them."
)


@dataclass(frozen=True, eq=False)
class Assessment:
    """Samples the model has not seen, in its space, and what it says of them (see `PatientModel.assess`)."""

    model: PatientModel
    projected: LOTEmbedding
    table: pd.DataFrame


def possible(session: Session) -> bool:
    """Whether the model can be shown samples from elsewhere."""
    return session.asked.adjustment is None and not session.continuous


def patient_model(session: Session) -> PatientModel:
    """Return the model of the page with all it needs to meet new samples."""
    return session.derived("patient model", _fitting(session), *session.asking)


def _fitting(session: Session) -> partial[PatientModel]:
    request = session.separation
    return partial(
        fit_patient_model,
        session.embedding,
        session.label,
        positive=session.choices.chosen("positive"),
        group=request.group,
        estimator=request.estimator,
        abundance=request.abundance,
        seed=request.seed,
    )


def assessment(session: Session) -> Assessment | None:
    """Return what the model says of the samples of the other cohort; None until it is there."""
    other, fit = session.choices.other, _fitting(session)
    workspace, opening = session.desk.workspace_of(other), opening_of_other(session, other)

    def work(progress: Progress, cancel: threading.Event) -> Assessment:
        cohort = workspace.open(opening, progress, cancel).cohort
        model = fit()
        projected = model.project(cohort, progress=progress, cancel=cancel)
        return Assessment(model, projected, model.assess(projected))

    place = ("assessment", session.comparison, opening, *session.asking)
    return session.aside.get("assessment", place, f"Showing the model {other.removeprefix(BROUGHT)}", work)


def opening_of_other(session: Session, other: str) -> Opening:
    """Return the request that opens another cohort with the transform the model was made with."""
    transform = session.embedding.transform
    opening = replace(session.opening, key=other, columns=(), layer="", markers=())
    if isinstance(transform, Transform) and transform.logicle is None:
        return replace(opening, transform=transform.kind, cofactor=float(transform.cofactor or 0), transforms=())
    return opening


# ---- pictures ----------------------------------------------------------------------------------------------------


def newcomer_picture(session: Session, page: Page) -> object:
    """Return the table of the new samples beside the cells of one of them."""
    depends = (*DEPENDS, *VIEW)
    table = page.html(lambda: _table(session), *depends)
    head = page.html(lambda: _cells_head(session), *depends)
    cells = picture(head, page.shaped(lambda: _cells(session), *depends, shape=SHAPE, late=True))
    both = grid(
        (table, "1 / span 8", "1"), (cells, "9 / span 4", "1"), rows="minmax(220px, 1fr)", gap="0 28px", padding="0"
    )
    foot = page.html(lambda: f'<div class="said">{escape(_said(session))}</div>', *depends)
    return picture(page.html(lambda: _head(session), *depends), both, foot)


def _head(session: Session) -> str:
    found = assessment(session)
    name = escape(session.choices.other.removeprefix(BROUGHT))
    shown = "" if found is None else badge(f"{min(MOST_ROWS, len(found.table))} of {len(found.table)} samples")
    return headline(f"Samples of {name}", "shown to the model, which has learnt nothing from them", shown)


def _table(session: Session) -> str:
    """Return class, score with interval, and whether the model has seen their like."""
    found = assessment(session)
    if found is None:
        return f'<div class="said" role="status">{escape(_waiting(session))}</div>'
    order = found.table.sort_values("seen", kind="stable").index[:MOST_ROWS]
    rows = "".join(_row(str(name), found.table.loc[name]) for name in order)
    head = '<th>Sample</th><th>Named</th><th class="number">Score (95 %)</th><th>Like what it has seen?</th>'
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _row(name: str, found: pd.Series) -> str:
    interval = f"{signed(found['low'])} to {signed(found['high'])}"
    kind = "long" if found["seen"] else "long warn"
    return (
        f'<tr><td><b>{escape(name)}</b></td><td>{escape(str(found["class"]))}</td><td class="number">'
        f'{signed(found["score"])} ({interval})</td><td class="{kind}">{escape(likeness(found))}</td></tr>'
    )


def likeness(found: pd.Series) -> str:
    """Say whether the model has seen the like of a sample, with its distance in words.

    Examples
    --------
    >>> likeness(pd.Series({"seen": True, "as_far": 0.4, "residual_share": 0.1}))
    'yes: 40 % of the training samples lie as far out'
    >>> likeness(pd.Series({"seen": False, "as_far": 0.0, "residual_share": 0.1}))
    'NO: it lies farther out than every training sample'
    """
    share = 100 * float(found["as_far"])
    if found["seen"]:
        return f"yes: {share:.0f} % of the training samples lie as far out"
    if share >= 2:
        return f"NO: the map misses {100 * found['residual_share']:.0f} % of it, more than of any training sample"
    return "NO: it lies farther out than " + ("every training sample" if share == 0 else "nearly every training sample")


def _waiting(session: Session) -> str:
    return "It is being placed." if session.aside.job is not None else "It was not placed: stopped, or see above."


def _chosen(session: Session, found: Assessment) -> str:
    """Name the sample whose cells are shown: the chosen one, else the first."""
    names = [str(name) for name in found.table.index]
    return session.choices.newcomer if session.choices.newcomer in names else names[0]


def _cells_head(session: Session) -> str:
    found = assessment(session)
    if found is None:
        return ""
    name = _chosen(session, found)
    row = found.projected.index(name)
    shown = cells_badge(int(found.projected.n_cells_used[row]), int(found.projected.n_cells[row]))
    return headline(escape(name), "its cells", shown)


def _cells(session: Session) -> object:
    """Return the cells of a new sample, coloured by what each adds, in the frame of the others."""
    found, choices = assessment(session), session.choices
    if found is None:
        return nothing("", choices.theme)
    name = _chosen(session, found)
    cells = np.asarray(found.projected.cells(name), dtype=np.float64)
    values = found.model.contributions(found.projected, name) * len(cells)
    limit = float(np.percentile(np.abs(values), SCALE)) or 1.0
    options = {"limit": limit, "bounds": bounds_in(session), "theme": choices.theme}
    if choices.axes != MARKERS:
        return values_cloud(session.projection.apply(cells), values, **options)
    markers = session.embedding.markers
    columns = [markers.index(choices.x), markers.index(choices.y)]
    return biaxial_cloud(cells[:, columns], values, axes=(session.word(choices.x), session.word(choices.y)), **options)


def _said(session: Session) -> str:
    found = assessment(session)
    if found is None:
        return ""
    unlike = int((~found.table["seen"]).sum())
    named = found.table["class"].value_counts()
    words = ", ".join(f"{count} are named {name}" for name, count in named.items())
    doubt = f"; {unlike} are unlike anything it has seen: do not believe it there" if unlike else ""
    return f"Of {len(found.table)} samples {words}{doubt}."


# ---- the drawer --------------------------------------------------------------------------------------------------


def newcomer_controls(session: Session, page: Page) -> list[object]:
    """Return the choice of another cohort and of one of its samples, and the model to take away."""
    if not possible(session):
        return [section("Another patient"), remark(escape(REFUSED))]
    choices = session.choices
    cohort = choice_of_other(session)
    save = pmui.FileDownload(
        label="Save the model",
        callback=partial(_file, session),
        filename=f"{session.cohort.name}-{session.label}.lotmodel".replace("/", "-"),
        **{**CONTROL, "margin": (8, 16, 4, 16)},
    )
    save.variant = "outlined"  # given at its making it warns of the old name of its own default
    parts: list[object] = [section("Another patient"), cohort]
    if choices.other:
        sample = pmui.Select(label="New sample shown", options=[], **CONTROL)
        sample.param.watch(lambda event: event.new and choices.param.update(newcomer=event.new), "value")

        def offer() -> None:
            found = assessment(session)
            if found is not None:
                sample.param.update(options=[str(name) for name in found.table.index], value=_chosen(session, found))

        page.effect(offer, "assessment")
        parts.append(sample)
    words = "A saved model is opened by <code>lotviz score</code>; it holds no sample it was made from."
    return [*parts, save, remark(words)]


def choice_of_other(session: Session) -> pmui.Select:
    """Return the choice of a cohort whose samples are new."""
    choices = session.choices
    offers = [
        *(entry.key for entry in session.desk.brought() if entry.kind in ("sheet", "annotated")),
        *session.workspace.offers(),
    ]
    options = {"none": "", **{key: key for key in dict.fromkeys(offers) if key != choices.cohort}}
    value = choices.other if choices.other in options.values() else ""
    cohort = pmui.Select(label="Cohort of new samples", options=options, value=value, **CONTROL)
    cohort.param.watch(lambda event: choices.param.update(other=event.new, newcomer=""), "value")
    return cohort


def _file(session: Session) -> io.BytesIO:
    """Return the model as a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = patient_model(session).save(Path(folder) / "model.lotmodel")
        return io.BytesIO(path.read_bytes())
