from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lotviz.analysis import (
    clusters,
    composition,
    contributions,
    cost_shares,
    following,
    marker_change,
    population_shift,
    principal_axes,
    region_table,
    regions,
)
from lotviz.app.choices import PAGES, WEIGHTS, Choices
from lotviz.app.pages.weights_maps import steadiness
from lotviz.app.script import script_of
from lotviz.app.session import Session
from lotviz.app.workspace import Workspace
from lotviz.data import ArraySource, write_cohort
from tests.app.cohorts import HOSTILE, small
from tests.app.conftest import finish

ROOT = Path(__file__).resolve().parents[2]
QUOTES = ["it's", 'say "so"', "`tick` {x} %s", "back\\slash", "患者", "a'\"b", "#7", "P8"]


def quoted():
    """Simulated patients whose names and groups want to end a string of Python."""
    cohort = small(samples=len(QUOTES))
    old = list(cohort.samples.index)
    index = pd.Index(QUOTES, name="sample")
    table = cohort.samples.set_index(index).rename(columns={"label": "the 'label'"})
    table["the 'label'"] = table["the 'label'"].map({"case": 'ca"se', "control": "con'trol"})
    cells = {new: cohort.source.cells[name] for new, name in zip(QUOTES, old, strict=True)}
    counts = cohort.cell_counts.set_axis(index)
    return replace(cohort, samples=table, cell_counts=counts, source=ArraySource(cells))


def ready(root: Path, key: str, **choices) -> Session:
    """Return a session in which a cohort was opened and compared, as a user would."""
    session = Session(Workspace(root), Choices(cohort=key, points=12, **choices))
    session.open()
    finish(session)
    assert session.failure is None, session.failure
    session.compare()
    finish(session)
    assert session.failure is None, session.failure
    return session


def start(text: str, folder: Path) -> subprocess.Popen:
    """Run a script as a user would, in a folder of its own."""
    folder.mkdir()
    (folder / "screen.py").write_text(text, encoding="utf-8")
    return subprocess.Popen(
        [sys.executable, "-X", "utf8", "screen.py"], cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
    )  # fmt: skip


def printed(script: subprocess.Popen) -> str:
    output, errors = script.communicate(timeout=120)
    assert script.returncode == 0, errors
    return output


def said(*things: object) -> str:
    return "".join(f"{thing}\n" for thing in things)


def numbers(text: str) -> str:
    """Return what was printed without how long it took."""
    return re.sub(r"'seconds': [\d.e-]+", "'seconds': …", text)


def expected(session: Session) -> str:
    """Return what the script of a page prints, from the results of the session."""
    e, c = session.embedding, session.choices
    result = said(session.cohort.samples)
    if c.page != "Cohort":
        result += said(e.summary())
    if c.page == "Patients":
        kinds = clusters(e.distances(), seed=c.seed)
        result += said(e.distances(), principal_axes(e).coordinates, kinds)
        for column in filter(None, (session.grouping, session.batch)) if kinds is not None else ():
            owners = e.samples[session.group] if session.group else None
            result += said(following(kinds.labels, e.samples[column], owners, name=column, seed=c.seed))
    if c.page == "Transport":
        parts = composition(e, c.a, c.b, regions=session.population_regions)
        result += said(parts.names, parts.share_a, parts.share_b, parts.table, marker_change(e, c.a, c.b).table())
        result += said(population_shift(e, c.a, c.b, regions=session.population_regions).table())
        result += said(cost_shares(e, c.a, c.b).by_marker)
    if c.page == "Weights":
        per_cell = contributions(session.model, e.plan(c.a), e.scaled_cells(c.a), part=WEIGHTS[c.weight])
        result += said(session.classification.to_json(), region_table(session.model, session.regions))
        steadiness(session)
        finish(session)
        result += said(steadiness(session).sign_held, per_cell)
    if c.page == "Morph":
        weights = {c.a: round(1 - c.t, 6), c.b: round(c.t, 6)}
        result += said(e.interpolate(weights, n_cells=10_000, seed=c.seed).recipe)
    return result


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Return a session on a cohort in a folder, with every result there is, and what its scripts print."""
    root = tmp_path_factory.mktemp('it\'s "data" {root}')
    write_cohort(quoted(), root / "co'hort", format="csv")
    question = {"estimator": "lda", "adjust": ["age"], "abundance": False, "names": {"2": 'it\'s "T"'}}
    session = ready(root, "co'hort", label="the 'label'", a=QUOTES[0], b=QUOTES[1], t=0.25, **question, weight="Shape")
    session.separate()
    finish(session)
    assert session.failure is None, session.failure
    running = {}
    for name in PAGES[1:]:
        session.choices.page = name
        running[name] = start(script_of(session), root / f"run {name}")
    return session, {name: printed(script) for name, script in running.items()}, root


@pytest.mark.parametrize("name", PAGES[1:])
def test_the_script_of_a_page_prints_the_numbers_of_the_page(files, name):
    session, output, _root = files
    session.choices.page = name
    assert numbers(output[name]) == numbers(expected(session))


def test_the_script_of_the_morph_writes_synthetic_cells(files):
    session, _output, root = files
    assert len(pd.read_parquet(root / "run Morph" / "synthetic.parquet")) > 0
    assert (session.choices.a, session.choices.b) == tuple(QUOTES[:2])


def test_the_script_of_a_demonstration_prints_its_numbers(tmp_path):
    session = ready(tmp_path, "demo: patients", page="Transport")
    assert numbers(printed(start(script_of(session), tmp_path / "run"))) == numbers(expected(session))


def test_without_named_populations_the_script_makes_the_same_regions(session_on):
    session = session_on("no populations", page="Transport")
    assert "found = regions(embedding, seed=0)" in script_of(session)
    assert "regions=found" in script_of(session)
    assert regions(session.embedding, seed=0).names == session.population_regions.names


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("cohort", ["patients", "hostile names", "twelve classes", "no populations"])
def test_every_script_is_python_and_calls_nothing_but_its_own(session_on, cohort, name):
    tree = ast.parse(script_of(session_on(cohort, page=name)))
    imported = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    imported += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    assert set(imported) <= {"lotviz", "lotviz.analysis", "lotviz.transport"}
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert called <= {
        "print",
        "clusters",
        "following",
        "len",
        "composition",
        "contributions",
        "cost_shares",
        "fit_drawn_model",
        "marker_change",
        "population_shift",
        "principal_axes",
        "question_about",
        "region_table",
        "regions",
        "renamed",
        "stability",
    }


@pytest.mark.parametrize(
    "choices",
    [
        {"placing": "MDS", "beside_map": "Biclusters", "below_map": "Along an axis", "mode": "2", "clusters": "3"},
        {"placing": "t-SNE", "below_map": "Group averages", "part": "Shape"},
    ],
)
@pytest.mark.parametrize("cohort", ["patients", "no metadata", "hostile names"])
def test_whatever_is_beside_and_below_the_map_can_be_run(session_on, cohort, choices):
    session = session_on(cohort, page="Patients", **choices)
    text = script_of(session)
    begin = text.index("\ndistances = ")
    exec(text[begin:], {"embedding": session.embedding})
    calls = ["biclusters(", "mode_table(", "mds_map("] if "mode" in choices else ["certified_barycenter(", "tsne_map("]
    assert all(call in text for call in calls)


def test_names_stay_names_in_the_script(session_on):
    session = session_on("hostile names", page="Transport")
    values = {node.value for node in ast.walk(ast.parse(script_of(session))) if isinstance(node, ast.Constant)}
    assert {session.choices.a, session.choices.b} <= values
    assert all(any(name in sample for sample in session.cohort.samples.index) for name in HOSTILE)


@pytest.mark.parametrize(("t", "weights"), [(0.0, 1), (0.3, 2), (1.0, 1)])
def test_at_its_ends_the_morph_is_one_sample(session_on, t, weights):
    session = session_on("patients", page="Morph", t=t)
    (found,) = [node for node in ast.walk(ast.parse(script_of(session))) if isinstance(node, ast.Dict)]
    values = ast.literal_eval(found)
    assert len(values) == weights
    assert sum(values.values()) == pytest.approx(1)
    assert np.isclose(values.get(session.choices.b, 0.0), t)


def test_without_a_cohort_the_script_says_so(empty):
    assert script_of(Session(empty, Choices())).startswith("# Open a cohort first")


def test_the_script_of_every_page_begins_by_reading_the_cohort(session_on):
    reading = script_of(session_on("patients", page="Cohort")).split("import lotviz")[1].strip()
    assert reading.startswith("cohort = ")
    assert all(reading in script_of(session_on("patients", page=name)) for name in PAGES)


def test_before_the_comparison_the_script_only_reads(session_on):
    assert "embed" not in script_of(session_on("patients", page="Transport", points=99))
