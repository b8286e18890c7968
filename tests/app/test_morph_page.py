"""The Morph page without a browser: what it goes between, what is there, what it says, what is taken away."""

from __future__ import annotations

import ast
import io
import re

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from lotviz.app.choices import MORPHS, NONE, SHADES
from lotviz.app.morph_message import samples_in, travelled
from lotviz.app.pages import morph_class, morph_numbers, morph_picture, morph_recipe, morph_save
from lotviz.app.pages.morph_believable import check
from lotviz.app.pages.morph_beside import shown_markers
from lotviz.app.pages.morph_class import ends_of_slider, severe
from lotviz.app.pages.morph_picture import canvas_of, load
from lotviz.app.pages.morph_scene import glue, travel
from lotviz.app.pages.morph_stops import CLASS, COLUMN, SEVERAL, TWO, Stop, stops_of, weights_of
from lotviz.app.pages.morph_strip import _frame
from lotviz.app.pages.views_of_cells import frame_of
from lotviz.app.script import script_of
from lotviz.app.take import Outbox, offered, written_name
from tests.app.conftest import finish
from tests.app.test_pages import fill


def settled(session):
    """Lay the page out, wait for the work beside it, and return the text it then shows."""
    fill(session, "Morph")
    finish(session)
    return fill(session, "Morph")[1]


def weights(session):
    return morph_numbers.weights_now(session, stops_of(session))


# ---- what stands at the ends


def test_two_samples_are_the_two_ends(session):
    ends = stops_of(session)
    assert [stop.samples for stop in ends] == [(session.choices.a,), (session.choices.b,)]
    assert weights(session).tolist() == [0.5, 0.5]


def test_weights_of_several_sum_to_one_whatever_the_address_says(session_on):
    session = session_on("patients", morph=SEVERAL, corners={"P1": "2", "P2": "x", "P3": "0.5", "nobody": "1"})
    assert weights_of(session) == {"P1": pytest.approx(2 / 3), "P2": 0, "P3": pytest.approx(1 / 3)}


@pytest.mark.parametrize("corners", [{}, {"P1": "1"}, {"nobody": "0.5", "none": "0.5"}])
def test_without_two_that_can_be_mixed_a_few_are_mixed_alike(session_on, corners):
    session = session_on("patients", morph=SEVERAL, corners=corners)
    assert list(weights_of(session).values()) == pytest.approx([1 / 3] * 3)


def test_weights_that_are_all_nothing_are_alike(session_on):
    session = session_on("patients", morph=SEVERAL, corners={"P1": "0", "P2": "0"})
    assert weights_of(session) == {"P1": 0.5, "P2": 0.5}


def test_groups_are_their_members(session_on):
    session = session_on("patients", morph=SEVERAL, mixed="label")
    labels = session.cohort.samples["label"]
    assert {stop.name: set(stop.samples) for stop in stops_of(session)} == {
        name: set(labels.index[labels == name]) for name in ("control", "case")
    }


def test_at_most_eight_are_mixed(session_on):
    session = session_on("twelve classes", morph=SEVERAL, corners={f"P{i:02}": "0.1" for i in range(1, 12)})
    assert len(stops_of(session)) == 8


def test_steps_of_a_column_are_in_order_and_within_one_line(session_on):
    session = session_on("organoids", morph=COLUMN, along="condition", within="line", level="L1")
    ends = stops_of(session)
    assert ends[0].name == "control"
    samples = session.cohort.samples
    assert all((samples.loc[list(stop.samples), "line"] == "L1").all() for stop in ends)
    assert all((samples.loc[list(stop.samples), "condition"] == stop.name).all() for stop in ends)


def test_many_numbers_are_cut_into_ranges_that_lie_behind_each_other(session_on):
    session = session_on("twelve classes", morph=COLUMN, along="age")
    ends = stops_of(session)
    ages = session.cohort.samples["age"]
    assert 2 <= len(ends) <= 6
    assert sum(len(stop.samples) for stop in ends) == len(ages)
    tops = [ages[list(stop.samples)].max() for stop in ends]
    assert tops == sorted(tops)
    assert all(ages[list(after.samples)].min() > top for top, after in zip(tops, ends[1:], strict=False))


def test_columns_that_can_be_gone_along_are_offered_amounts_first(session_on):
    assert session_on("patients").choices.along == "age"
    assert session_on("organoids").choices.along != "replicate"
    assert session_on("no metadata").choices.along == NONE


@pytest.mark.parametrize(("t", "expected"), [(0.0, [1, 0, 0]), (0.25, [0.5, 0.5, 0]), (1.0, [0, 0, 1])])
def test_a_place_along_a_column_lies_between_two_steps(session_on, t, expected):
    session = session_on("patients", morph=COLUMN, t=t)
    ends = tuple(Stop(str(i), ("P1",)) for i in range(3))
    assert morph_numbers.weights_now(session, ends).tolist() == expected


# ---- the cells


def test_both_ends_are_the_samples_cell_by_cell(session):
    found = morph_numbers.scene(session)
    embedding = session.embedding
    for stop, name in enumerate((session.choices.a, session.choices.b)):
        mass = np.bincount(found.cell[stop], weights=found.mass)
        assert np.allclose(mass, 1 / len(embedding.cells(name)))
        assert np.array_equal(found.column(stop, embedding, 1), embedding.cells(name)[found.cell[stop], 1])


def test_shares_at_the_ends_are_those_of_the_samples(session):
    found = morph_numbers.scene(session)
    known = pd.Series(session.embedding.populations(session.choices.a)).value_counts(normalize=True)
    assert {
        name: share for name, share in zip(found.populations, found.shares[0], strict=True) if share
    } == known.to_dict()
    assert found.shares.sum(axis=1) == pytest.approx([1, 1])


def test_on_the_way_is_the_mass_between_two_populations(session):
    found = morph_numbers.scene(session)
    kinds = [np.asarray(session.embedding.populations(stop.samples[0])) for stop in found.stops]
    apart = kinds[0][found.cell[0]] != kinds[1][found.cell[1]]
    assert found.on_the_way(np.array([0.5, 0.5])) == pytest.approx(found.mass[apart].sum())
    assert found.on_the_way(np.array([1.0, 0.0])) == 0


def test_a_sketch_has_the_same_ends_in_the_mean(session):
    embedding, ends = session.embedding, stops_of(session)
    options = {"populations": session.populations, "naming": embedding.populations, "seed": 0}
    sketch, whole = (glue(embedding, ends, **options, sketch=sketch) for sketch in (True, False))
    assert sketch.shares == pytest.approx(whole.shares)
    half = np.array([0.5, 0.5])
    means = [scene.mass @ scene.mixed(half, embedding, 0) for scene in (sketch, whole)]
    assert means[0] == pytest.approx(means[1], abs=0.05)


def test_travel_is_how_far_the_cells_of_a_tuple_lie_apart(session_on):
    session = session_on("patients", morph=SEVERAL)
    found = morph_numbers.scene(session)
    embedding = session.embedding
    scaled = [
        np.column_stack([found.column(stop, embedding, marker) for marker in range(5)]) / embedding.scaling.scale
        for stop in range(3)
    ]
    assert travel(found, embedding) == pytest.approx(travelled(scaled), rel=1e-5)


def test_markers_that_differ_most_are_shown_unless_others_are_chosen(session):
    found = morph_numbers.scene(session)
    assert set(shown_markers(session)) == set(range(5))
    assert int(np.argmax(found.spread)) in shown_markers(session)
    session.choices.curves = [session.embedding.markers[3], "gone"]
    assert shown_markers(session) == [3]


@pytest.mark.parametrize("shade", SHADES)
@pytest.mark.parametrize("morph", MORPHS)
def test_every_morph_is_sent_in_every_colour(session_on, morph, shade):
    session = session_on("patients", morph=morph, shade=shade, insist=True)
    canvas = canvas_of(session, "channel")
    load(session, canvas)
    assert samples_in(canvas.cells) == len(canvas.labels) == len(canvas.colours) >= 2
    assert canvas.mixture() == pytest.approx(weights(session).tolist(), abs=1e-3)
    assert morph_picture.colour_legend(session)


def test_what_a_hand_does_becomes_a_choice_and_comes_back_the_same(session_on):
    session = session_on("patients", morph=SEVERAL)
    canvas = canvas_of(session, "channel")
    load(session, canvas)
    canvas.weights = [0.2, 0.3, 0.5]
    assert list(weights_of(session).values()) == pytest.approx([0.2, 0.3, 0.5])
    session = session_on("patients", morph=COLUMN)
    canvas = canvas_of(session, "channel")
    load(session, canvas)
    canvas.t = 1.5
    assert session.choices.t == pytest.approx(1.5 / (len(canvas.labels) - 1))


@pytest.mark.parametrize("morph", [TWO, COLUMN, CLASS])
def test_the_filmstrip_has_a_picture_of_every_place(session_on, morph):
    session = session_on("patients", morph=morph, insist=True)
    settled(session)
    pictures = {_frame(session, place) for place in (0.0, 0.5, 1.0)}
    assert len(pictures) == 3
    assert all(picture.startswith(b"\x89PNG") for picture in pictures)


# ---- what is said


def test_a_group_says_how_many_samples_it_is(session_on):
    text = settled(session_on("patients", morph=SEVERAL, mixed="label", corners={"control": "1", "case": "0"}))
    assert "This is control itself: the measured cells of its 4 samples, pooled." in text


def test_a_mixture_says_how_much_there_is_of_each(session_on):
    text = settled(session_on("patients", morph=SEVERAL, corners={"P1": "0.2", "P2": "0.7", "P3": "0.1"}))
    assert "70 % P2, 20 % P1, 10 % P3" in text.replace("\u00a0", " ")
    assert "All of them are synthetic" in text


def test_a_column_says_between_which_steps_it_is(session_on):
    session = session_on("organoids", morph=COLUMN, along="condition", within="line", level="L2", t=0.1)
    text = settled(session)
    assert "What happens along condition in L2?" in text
    assert f"of the way from condition {stops_of(session)[0].name} to {stops_of(session)[1].name}" in text


def test_a_level_with_one_step_only_says_so(session_on):
    session = session_on("organoids", morph=COLUMN, along="plate", within="replicate", level="1")
    assert "The samples of 1 have fewer than two values of plate" in settled(session)


def test_beside_a_mixture_the_picture_says_synthetic_but_at_a_sample(session_on):
    for t, title in ((0.3, "Synthetic cells"), (0.0, "Measured cells"), (1.0, "Measured cells")):
        session = session_on("patients", t=t)
        canvas = canvas_of(session, "channel")
        load(session, canvas)
        assert canvas.title == title


# ---- towards a class


def test_without_a_measured_separation_there_is_no_direction(session_on):
    assert "not measured yet" in settled(session_on("patients", morph=CLASS, group="none"))
    assert "No column is chosen" in settled(session_on("no metadata", morph=CLASS))
    assert "better than chance" in settled(session_on("twelve classes", morph=CLASS))


def test_half_way_is_the_patient_itself_and_the_score_runs_along(session_on):
    session = session_on("patients", morph=CLASS, insist=True)
    assert f"This is {session.choices.a} itself" in settled(session)
    found, embedding = severe(session), session.embedding
    model, row = session.model, embedding.index(session.choices.a)
    assert found.score(0.5) == pytest.approx(float(model.score(embedding.maps[row])))
    assert found.share(0.5) == found.home
    for t in (0.0, 0.2, 0.5, 0.8, 1.0):
        assert found.place(found.share(t)) == pytest.approx(t)
        moved = found.own + (found.start - found.own) * (1 - found.share(t)) + (found.end - found.own) * found.share(t)
        assert found.score(t) == pytest.approx(moved, abs=1e-9)
    cells = embedding.cells(session.choices.a)
    home = found.home
    between = (1 - home) * found.scene.ends[0] + home * found.scene.ends[1]
    assert np.allclose(between, cells, atol=1e-3)


@pytest.mark.parametrize(("own", "low", "high"), [(0.3, -1.0, 2.0), (-1.0, -1.0, 2.0), (2.0, 2.0, 2.0)])
def test_the_slider_holds_the_measured_range_and_a_step_for_the_patient(own, low, high):
    start, end = ends_of_slider(own, low, high)
    share = (own - start) / (end - start)
    assert start < low <= high < end
    assert share == pytest.approx(round(share, 3), abs=1e-9)


def test_a_number_is_morphed_towards_in_its_own_words(session_on, monkeypatch):
    monkeypatch.setattr(morph_class, "unavailable", lambda _session: None)
    session = session_on("twelve classes", morph=CLASS, label="age", t=0.9)
    assert session.continuous
    assert morph_class.class_question(session) == f"What would {session.choices.a} look like with a higher age?"
    assert "higher age</b>" in morph_class.class_answer(session, "")
    found = severe(session)
    assert [stop.name for stop in found.scene.stops] == ["lower age", "higher age"]
    moved = found.found.maps_step * found.moved(0.9)
    change = float(
        session.model.score(session.embedding.maps[0] + moved) - session.model.score(session.embedding.maps[0])
    )
    assert change == pytest.approx(found.moved(0.9))


def test_beyond_the_measured_patients_it_is_said_and_looked_at(session_on):
    session = session_on("patients", morph=CLASS, insist=True, t=1.0)
    text = settled(session)
    assert "That is beyond measured patients" in text
    assert "on average over its cells (arcsinh, cofactor 5)" in text
    assert check(session) is not None
    assert "Round-trip gap" in text


def test_cells_that_are_moved_out_of_the_frame_widen_it(session_on):
    session = session_on("patients", morph=CLASS, insist=True, t=1.0)
    settled(session)
    found = morph_numbers.scene(session)
    usual = frame_of(session)
    wide = morph_picture.frame_with(session, found)
    seen = np.concatenate([found.seen(stop, session.embedding, session.projection) for stop in (0, 1)])
    outside = [((seen < (b[0], b[2])) | (seen > (b[1], b[3]))).any(axis=1).mean() for b in (usual, wide)]
    assert outside[1] <= 4 / len(seen)  # the outermost in each direction, by a hair
    assert wide[0] <= usual[0] and wide[1] >= usual[1] and wide[2] <= usual[2] and wide[3] >= usual[3]
    assert (wide[1] - wide[0]) / (wide[3] - wide[2]) == pytest.approx(4 / 3)
    lines = session_on("patients")
    assert morph_picture.frame_with(lines, morph_numbers.scene(lines)) == frame_of(lines)


# ---- believable, and taken away


@pytest.mark.parametrize("morph", MORPHS)
def test_the_cells_of_every_morph_can_be_checked(session_on, morph):
    session = session_on("patients", morph=morph, t=0.4, insist=True)
    settled(session)
    check(session, begin=True)
    finish(session)
    known = check(session)
    assert known is not None
    assert f"{known.gap:.2f}" in settled(session)


def test_measured_cells_are_neither_checked_nor_saved(session_on):
    session = session_on("patients", t=0.0)
    assert morph_recipe.is_measured(session)
    assert check(session, begin=True) is None
    assert session.aside.job is None


def saved(session, tmp_path):
    """Press the button and return the file that is offered, copied."""
    page, _text = fill(session, "Morph")
    press = next(piece for piece in page.drawer if getattr(piece, "label", "") == "Save these cells")
    taker = next(piece for piece in page.drawer if hasattr(piece, "address"))
    press.clicks += 1
    finish(session)
    for live in page.live:
        if "saved" in live.depends:
            live.compute()
    path = offered(taker.address)
    assert path is not None and "synthetic" in path.name
    copy = tmp_path / path.name
    copy.write_bytes(path.read_bytes())
    return copy


@pytest.mark.parametrize("morph", MORPHS)
def test_the_cells_of_every_morph_are_saved_with_mark_and_recipe(session_on, tmp_path, morph):
    session = session_on("patients", morph=morph, t=0.4, amount=321, ending="h5ad", insist=True)
    settled(session)
    found = ad.read_h5ad(saved(session, tmp_path))
    assert found.n_obs == 321
    words = str(found.uns)
    assert "synthetic" in words.lower()
    assert "seed" in words


@pytest.mark.parametrize("ending", ["parquet", "csv", "fcs"])
def test_every_kind_of_file_is_written(session_on, tmp_path, ending):
    session = session_on("patients", t=0.4, amount=50, ending=ending)
    path = saved(session, tmp_path)
    assert path.suffix == f".{ending}"
    if ending == "parquet":
        assert len(pd.read_parquet(path)) == 50
    if ending == "csv":
        assert len(pd.read_csv(io.StringIO(path.read_text("utf-8")), comment="#")) == 50


def test_a_file_is_offered_until_the_next_and_no_longer_than_the_page():
    outbox = Outbox()
    first = outbox.room() / "one.csv"
    first.write_text("1")
    address = outbox.offer(first)
    assert offered(address) == first
    second = outbox.room() / "two.csv"
    second.write_text("2")
    assert offered(address) is None and not first.exists()
    newer = outbox.offer(second)
    outbox.empty()
    assert offered(newer) is None and not second.exists()


def test_names_of_files_lead_nowhere():
    name = written_name("../etc", "<a> / b", "患者", ending="csv")
    assert re.fullmatch(r"[A-Za-z0-9_.-]+", name)
    assert not name.startswith(".") and name.endswith("-synthetic.csv")
    assert len(written_name("long " * 90, ending="fcs")) < 110


@pytest.mark.parametrize("morph", MORPHS)
def test_file_names_say_what_was_mixed(session_on, morph):
    session = session_on("patients", morph=morph, insist=True)
    assert stops_of(session)[0].name.replace("–", "_") in morph_save.file_name(session)


# ---- the screen as a script


@pytest.mark.parametrize("morph", [SEVERAL, COLUMN, CLASS])
def test_the_script_makes_the_cells_of_the_page(session_on, morph, tmp_path, monkeypatch):
    options = {"mixed": "label"} if morph == SEVERAL else {}
    session = session_on("patients", page="Morph", morph=morph, t=0.4, amount=60, insist=True, **options)
    settled(session)
    text = script_of(session)
    tree = ast.parse(text)
    assert "synthetic.write('synthetic.parquet')" in text
    made = morph_recipe.recipe(session)(60)
    monkeypatch.chdir(tmp_path)
    start = text.index("\nprint(embedding.summary())") + len("\nprint(embedding.summary())")
    room = {"embedding": session.embedding}
    exec(compile(text[start:], "script", "exec"), room)
    assert np.allclose(room["synthetic"].cells, made.cells, atol=2e-3)
    assert tree.body
