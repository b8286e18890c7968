from __future__ import annotations

import param
import pytest

from lotviz.app import pages
from lotviz.app.address import address_to_choices, choices_to_address
from lotviz.app.choices import NONE, PAGES, VIEW, Choices


def test_every_choice_stands_in_the_address():
    assert set(Choices.IN_ADDRESS) == set(Choices.param) - {"name"}


def test_every_choice_is_explained():
    assert all(Choices.param[name].doc for name in Choices.IN_ADDRESS)


def test_every_page_can_be_chosen_and_has_its_question():
    assert set(PAGES) == set(pages.PAGES) == set(pages.states.QUESTIONS)


def test_the_view_is_made_of_choices():
    assert set(VIEW) <= set(Choices.IN_ADDRESS)


def test_what_is_offered_can_be_chosen():
    choices = Choices()
    choices.offer("label", ["a", "b"], "b")
    assert choices.param["label"].objects == ["a", "b"]
    assert choices.label == "b"


def test_a_choice_that_is_still_possible_stays():
    choices = Choices(label="a")
    choices.offer("label", ["a", "b"], "b")
    assert choices.label == "a"


def test_a_choice_that_is_no_longer_possible_falls_back():
    choices = Choices(label="gone")
    choices.offer("label", ["a", "b"], "b")
    assert choices.label == "b"


def test_none_is_a_choice_of_its_own():
    choices = Choices()
    assert choices.chosen("group") is None
    choices.offer("group", [NONE, "patient"], NONE)
    assert choices.group == NONE
    assert choices.chosen("group") is None
    choices.group = "patient"
    assert choices.chosen("group") == "patient"


def test_sessions_do_not_share_what_they_are_offered():
    one, other = Choices(), Choices()
    one.offer("label", ["only here"], "only here")
    assert "only here" not in other.param["label"].objects
    assert "only here" not in Choices().param["label"].objects


@pytest.mark.parametrize(
    ("name", "value"),
    [("t", 1.5), ("t", "x"), ("points", 1), ("points", 10**6), ("seed", -1), ("cofactor", -1), ("theme", "pink"),
     ("page", "Nowhere"), ("transform", "rm -rf"), ("part", "All"), ("axes", "Three markers")],
)  # fmt: skip
def test_what_cannot_be_is_refused(name, value):
    with pytest.raises(ValueError, match=name):
        Choices(**{name: value})


def test_choices_survive_the_way_through_the_address():
    given = {
        "page": "Morph", "cohort": "a folder/it's.h5ad", "transform": "log1p", "cofactor": 150.0, "points": 64,
        "seed": 7, "label": "<b>", "group": NONE, "batch": "plate & run", "positive": "患者", "colour": "age",
        "a": "P1", "b": 'P"2"', "axes": "Two markers", "x": "CD3", "y": "CD4+", "part": "Shape", "insist": True,
        "shade": "Contribution to score", "tint": "CD3", "morph": "Along a column", "manner": "Kind by kind",
        "mixed": "plate & run", "corners": {"P1": "0.25", "P & 2": "0.75"}, "along": "dose",
        "within": "line", "level": "L 1",
        "curves": ["CD3", "a & b"], "amount": 500, "ending": "fcs",
        "t": 0.25, "theme": "dark", "shown": "Margins", "compensate": "no",
        "columns": {"sample": "Probe & Röhrchen"}, "layer": "obsm/X_pca", "markers": ["CD3", "a, b", "µ=1"],
        "transforms": {"CD3": "logicle"}, "tried": "CD3", "skip": True,
        "adjust": ["age", "day & night"], "estimator": "logistic", "abundance": False, "paired": "no",
        "weight": "Abundance", "shows": "Weight", "beside": "ROC", "cells": "Groups", "region": "3",
        "names": {"3": "CD8+ killers & co"}, "other": "new/sheet.csv", "newcomer": "P9", "pairing": "Overlaid",
        "arrows": "Reference points", "becomes": "Flow", "population": "CD4 & CD8", "marker": "HLA-DR, µ",
        "placing": "t-SNE", "clusters": "3", "beside_map": "Biclusters", "below_map": "Group averages", "mode": "2",
        "moved": "First of the pair", "group_a": "a & b", "group_b": "患者",
        "condition": "drug & dose", "control": "DMSO", "drug_a": "5-FU", "drug_b": "<b>", "drug_both": "5-FU + <b>",
        "line": "none", "replicate": "well & row", "plate": "found by its name", "culture": "L 1",
        "counted": "Regions", "departs": "Regions × markers", "readout": "Median of a marker",
    }  # fmt: skip
    assert set(given) == set(Choices.IN_ADDRESS)
    back = Choices()
    address_to_choices(choices_to_address(Choices(**given)), back)
    assert {name: getattr(back, name) for name in given} == given


@pytest.mark.parametrize(
    "query",
    ["?markers=3", "?markers=[1]", "?columns=[]", '?columns={"a":1}', "?markers={", "?cofactor=-1", "?shown=A"],
)
def test_an_address_that_makes_no_sense_changes_nothing(query):
    choices = Choices()
    address_to_choices(query, choices)
    assert choices_to_address(choices) == choices_to_address(Choices())


def test_offering_tells_watchers_of_the_change_only():
    choices, seen = Choices(label="a"), []
    choices.param.watch(lambda event: seen.append(event.new), "label")
    choices.offer("label", ["a", "b"], "b")
    choices.offer("label", ["b"], "b")
    assert seen == ["b"]
    assert isinstance(choices, param.Parameterized)


def test_what_was_chosen_of_one_cohort_is_none_of_the_next():
    choices = Choices()
    choices.offer("group", ["none", "line", "replicate"], "line")
    choices.group = "replicate"
    choices.forget()
    choices.offer("group", ["none", "line", "replicate"], "line")
    assert choices.group == "line"
