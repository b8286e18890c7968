"""The screen as the script that makes its numbers: what a clinician looks at, a bioinformatician can run."""

from __future__ import annotations

from pathlib import Path

from lotviz import __version__
from lotviz.app.choices import WEIGHTS
from lotviz.app.desk import BROUGHT
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
        return f"cohort = lotviz.simulate({DEMOS[c.cohort]!r})\nprint(cohort.samples)"
    brought = c.cohort.startswith(BROUGHT)
    path = c.cohort.removeprefix(BROUGHT) if brought else str(Path(session.workspace.root) / c.cohort)
    options = "".join(f", {name}={value!r}" for name, value in session.opening.options().items())
    note = "# Run this in the folder of the files that were brought along.\n" if brought else ""
    return f"{note}cohort = lotviz.read_cohort({path!r}{options})\nprint(cohort.samples)"


def _embed(session: Session) -> str:
    """Embed it."""
    c = session.choices
    return f"embedding = lotviz.embed(cohort, points={c.points}, seed={c.seed})\nprint(embedding.summary())"


def _patients(_session: Session) -> str:
    """Make the map of the samples and their distances."""
    return (
        "\nfrom lotviz.analysis import principal_axes\n\n"
        "print(principal_axes(embedding).coordinates)\nprint(embedding.distances())\n"
    )


def _transport(session: Session) -> str:
    """Compare two samples."""
    a, b = session.choices.a, session.choices.b
    named = session.population_regions is not None
    return (
        "\nfrom lotviz.analysis import composition, marker_change, regions, renamed\n\n"
        f"{_regions(session) if named else ''}"
        f"parts = composition(embedding, {a!r}, {b!r}{', regions=found' if named else ''})\n"
        "print(parts.names, parts.share_a, parts.share_b, parts.table, sep='\\n')\n"
        f"print(marker_change(embedding, {a!r}, {b!r}).table())\n"
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
    whose = {name: value for name, value in request.options().items() if name in ("adjust", "paired")}
    asked = _listed(positive=c.chosen("positive"), group=request.group, **whose)
    fitted = {name: value for name, value in request.options().items() if name in ("estimator", "abundance")}
    part = WEIGHTS[c.weight]
    steady = "" if session.continuous else _steadiness(session, asked, fitted)
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


def _steadiness(session: Session, asked: str, fitted: dict[str, object]) -> str:
    """Fit the weights again on other patients and references."""
    return (
        "\nfrom lotviz.analysis import question_about, stability\n\n"
        f"asked = question_about(embedding, {session.label!r}, {asked})\n"
        "options = {'units': asked.units, 'adjustment': asked.adjustment}\n"
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
    weights = (
        {c.a: 1.0}
        if c.t == 0 or c.a == c.b
        else {c.b: 1.0}
        if c.t == 1
        else {c.a: round(1 - c.t, 6), c.b: round(c.t, 6)}
    )
    return (
        f"synthetic = embedding.interpolate({weights!r}, n_cells=10_000, seed={c.seed})\n"
        "print(synthetic.recipe)\n"
        'synthetic.write("synthetic.parquet")\n'
    )


_PAGES = {"Patients": _patients, "Transport": _transport, "Weights": _weights, "Morph": _morph}
