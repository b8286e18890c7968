"""The screen as the script that makes its numbers: what a clinician looks at, a bioinformatician can run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lotviz import __version__
from lotviz.app.choices import WEIGHTS
from lotviz.app.desk import BROUGHT
from lotviz.app.pages.drugs_study import asked, complete, left_out
from lotviz.app.pages.morph_class import severe
from lotviz.app.pages.morph_kinds import by_kind
from lotviz.app.pages.morph_numbers import weights_now
from lotviz.app.pages.morph_stops import CLASS, Stop, stops_of
from lotviz.app.script_patients import patients_lines
from lotviz.app.session import Session
from lotviz.app.workspace import DEMOS


def script_of(session: Session) -> str:
    """Return a Python script that computes what the screen shows, up to the page that is open.

    It runs as it is where the cohort's files are; the last lines print the numbers of the page.
    """
    if session.cohort is None:
        return "# Open a cohort first: this text then makes the same numbers.\n"
    parts = [_head(session), _read(session)]
    page = session.choices.page
    if page != "Cohort" and session.embedding is not None:
        parts += [_embed(session), _PAGES[page](session)]
    return "\n".join(parts)


def _head(session: Session) -> str:
    """Say what the script is."""
    page = session.choices.page
    return f'"""Made by lotviz {__version__} from its page {page}. Research use only."""\n\nimport lotviz\n'


def _read(session: Session) -> str:
    """Read the cohort."""
    c = session.choices
    if c.cohort in DEMOS:
        design, *others = DEMOS[c.cohort].items()
        return f"cohort = lotviz.simulate({design[1]!r}{_more(dict(others))})\nprint(cohort.samples)"
    brought = c.cohort.startswith(BROUGHT)
    path = c.cohort.removeprefix(BROUGHT) if brought else str(Path(session.workspace.root) / c.cohort)
    options = "".join(f", {name}={value!r}" for name, value in session.opening.options().items())
    note = "# Run this in the folder of the files that were brought along.\n" if brought else ""
    return f"{note}cohort = lotviz.read_cohort({path!r}{options})\nprint(cohort.samples)"


def _embed(session: Session) -> str:
    """Embed it."""
    c = session.choices
    return f"embedding = lotviz.embed(cohort, points={c.points}, seed={c.seed})\nprint(embedding.summary())"


def _patients(session: Session) -> str:
    """Make the map of the samples, their clusters, and what stands beside and below it."""
    return patients_lines(session, _regions(session))


def _transport(session: Session) -> str:
    """Compare two samples."""
    a, b = session.choices.a, session.choices.b
    named = session.population_regions is not None
    return (
        "\nfrom lotviz.analysis import composition, cost_shares, marker_change, population_shift, regions, renamed\n\n"
        f"{_regions(session) if named else ''}"
        f"parts = composition(embedding, {a!r}, {b!r}{', regions=found' if named else ''})\n"
        "print(parts.names, parts.share_a, parts.share_b, parts.table, sep='\\n')\n"
        f"print(marker_change(embedding, {a!r}, {b!r}).table())\n"
        f"print(population_shift(embedding, {a!r}, {b!r}{', regions=found' if named else ''}).table())\n"
        f"print(cost_shares(embedding, {a!r}, {b!r}).by_marker)\n"
        f"{_direct(session)}"
    )


def _direct(session: Session) -> str:
    """Transport the pair exactly, where that was asked for."""
    c = session.choices
    if session.aside.answer(("direct", session.comparison, c.a, c.b)) is None:
        return ""
    return (
        "\nfrom lotviz.transport import direct_transport\n\n"
        f"print(direct_transport(embedding, {c.a!r}, {c.b!r}, seed={c.seed}).said())\n"
    )


def _regions(session: Session) -> str:
    """Make the regions, under the names they were given."""
    names, made = session.choices.names, f"regions(embedding, seed={session.choices.seed})"
    return f"found = renamed({made}, {names!r})\n" if names else f"found = {made}\n"


def _weights(session: Session) -> str:
    """Separate the groups, and take the score of one sample apart."""
    if session.label is None:
        return ""
    c, request = session.choices, session.separation
    measured = _listed(group=request.group, batch=request.batch, **request.options(), seed=c.seed)
    asked, fitted = _question(session)
    part = WEIGHTS[c.weight]
    steady = _steadiness(session, asked, fitted)
    return (
        "\nfrom lotviz.analysis import contributions, fit_drawn_model, region_table, regions, renamed\n\n"
        f"result = lotviz.classify(cohort, {session.label!r}, {measured})\n"
        "print(result.to_json())\n"
        f"model = fit_drawn_model(embedding, {session.label!r}, {asked}{_more(fitted)})\n"
        f"{_regions(session)}"
        "print(region_table(model, found))\n"
        f"{steady}"
        f"plan, cells = embedding.plan({c.a!r}), embedding.scaled_cells({c.a!r})\n"
        f"print(contributions(model, plan, cells, part={part!r}))\n"
    )


def _question(session: Session) -> tuple[str, dict[str, object]]:
    """Return what the samples are asked as it stands in a call, and how the model is fitted."""
    c, request = session.choices, session.separation
    whose = {name: value for name, value in request.options().items() if name in ("adjust", "paired")}
    fitted = {name: value for name, value in request.options().items() if name in ("estimator", "abundance")}
    return _listed(positive=c.chosen("positive"), group=request.group, **whose), fitted


def _steadiness(session: Session, asked: str, fitted: dict[str, object]) -> str:
    """Fit the weights again on other patients and references."""
    return (
        "\nfrom lotviz.analysis import question_about, stability\n\n"
        f"asked = question_about(embedding, {session.label!r}, {asked})\n"
        "options = {'units': asked.units, 'adjustment': asked.adjustment, 'values': asked.values}\n"
        f"steady = stability(embedding, asked.labels, found, **options, seed={session.choices.seed}{_more(fitted)})\n"
        "print(steady.sign_held)\n"
    )


def _listed(**options: object) -> str:
    """Write options as they stand in a call; those that are None are left out."""
    return ", ".join(f"{name}={value!r}" for name, value in options.items() if value is not None)


def _more(options: dict[str, object]) -> str:
    return "".join(f", {name}={value!r}" for name, value in options.items())


def _morph(session: Session) -> str:
    """Make the synthetic cells and write them, marked as such."""
    c = session.choices
    ends = stops_of(session)
    if c.morph == CLASS:
        made = _towards(session)
    elif len(ends) < 2:
        return ""
    else:
        manner = ", manner='kinds'" if by_kind(session) else ""
        made = _mixed(ends, weights_now(session, ends), f"n_cells={c.amount:_}, seed={c.seed}", manner=manner)
    return f"{made}print(synthetic.recipe)\nsynthetic.write('synthetic.{c.ending}')\n" if made else ""


def _mixed(ends: Sequence[Stop], weights: np.ndarray, drawn: str, *, manner: str) -> str:
    """Mix samples, or groups where there are any."""
    rounded = [round(float(weight), 6) for weight in weights]
    rounded[int(np.argmax(weights))] += 1 - sum(rounded)  # they still sum to one
    parts = [(stop, round(weight, 6)) for stop, weight in zip(ends, rounded, strict=True) if weight > 0]
    if not any(stop.pooled for stop, _weight in parts):
        by_sample: dict[str, float] = {}
        for stop, weight in parts:
            by_sample[stop.samples[0]] = round(by_sample.get(stop.samples[0], 0.0) + weight, 6)
        return f"synthetic = embedding.interpolate({by_sample!r}, {drawn}{manner})\n"
    groups = {stop.name: list(stop.samples) for stop, _weight in parts}
    by_group = {stop.name: weight for stop, weight in parts}
    return (
        "\nfrom lotviz.transport import mix_groups\n\n"
        f"groups = {groups!r}\nsynthetic = mix_groups(embedding, groups, {by_group!r}, {drawn})\n"
    )


def _towards(session: Session) -> str:
    """Move the cells of a sample along the direction of the classifier."""
    found, c = severe(session), session.choices
    if found is None:
        return ""
    asked, fitted = _question(session)
    return (
        "\nfrom lotviz.analysis import fit_drawn_model, made_severe, severity\n\n"
        f"model = fit_drawn_model(embedding, {session.label!r}, {asked}{_more(fitted)})\n"
        f"direction = severity(embedding, model, {c.a!r})\n"
        f"synthetic = made_severe(embedding, direction, {found.moved(c.t)!r}, n_cells={c.amount:_}, seed={c.seed})\n"
    )


def _drugs(session: Session) -> str:
    """Ask whether two drugs add up."""
    if not complete(session):
        return ""
    c, unwanted = session.choices, left_out(session)
    without = f"embedding = replace(embedding, samples=embedding.samples.drop(columns={unwanted!r}))\n"
    named = "\nfrom lotviz.analysis import regions, renamed\n\n" if c.names else "\n"
    return (
        ("from dataclasses import replace\n\n" + without if unwanted else "")
        + named
        + (_regions(session) if c.names else "")
        + f"result = lotviz.interaction(embedding, {_listed(**asked(session))}"
        + f"{', regions=found' if c.names else ''}, seed={c.seed})\nprint(result.to_json())\n"
    )


_PAGES = {"Patients": _patients, "Transport": _transport, "Weights": _weights, "Morph": _morph, "Drugs": _drugs}
