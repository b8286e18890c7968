import numpy as np
import pytest

from lotviz.analysis.distances import cluster_order, outlying
from lotviz.analysis.neighbours import label_agreement, value_closeness


def line(*positions):
    places = np.array(positions, dtype=float)
    return np.abs(places[:, None] - places[None, :])


def test_like_samples_stand_together():
    order = cluster_order(line(0.0, 10.0, 1.0, 11.0, 0.5))
    assert sorted(order.tolist()) == [0, 1, 2, 3, 4]
    assert {*order[:3].tolist()} == {0, 2, 4} or {*order[2:].tolist()} == {0, 2, 4}
    assert cluster_order(line(3.0, 1.0)).tolist() == [0, 1]


def test_order_does_not_depend_on_its_direction():
    distances = line(0.0, 1.0, 5.0, 5.5)
    assert cluster_order(distances)[0] < cluster_order(distances)[-1]


def test_unlike_samples_are_found_the_farthest_first():
    assert outlying(line(0.0, 1.0, 2.1, 3.3, 4.2, 50.0, -20.0)).tolist() == [5, 6]
    assert not len(outlying(line(0.0, 1.0, 100.0)))
    assert not len(outlying(line(0.0, 1.0, 2.1, 3.0, 4.2, 5.0)))
    assert outlying(line(0.0, 1.0, 2.1, 3.3, 4.2, 50.0, 50.0)).tolist() == [5, 6], "a copy is no neighbour"


@pytest.mark.parametrize("places", [(0, 1, 2, 3, 4.001), (0, 0, 5, 5, 9, 9, 9.1), (3, 3, 3, 3, 3, 3), (1, 2, 3, 50)])
def test_even_or_repeated_or_few_samples_are_not_unlike_everyone(places):
    assert not len(outlying(line(*places)))


@pytest.mark.parametrize("count", [5, 8, 24])
def test_samples_that_differ_by_chance_alone_are_seldom_unlike_everyone(count):
    rng = np.random.default_rng(count)
    found = 0
    for _ in range(300):
        places = rng.normal(size=(count, 5))
        found += bool(len(outlying(np.linalg.norm(places[:, None] - places[None], axis=2))))
    assert found <= 0.1 * 300


def test_agreement_of_two_clear_clusters():
    found = label_agreement(line(0, 1, 2, 3, 100, 101, 102, 103), list("aaaabbbb"))
    assert (found.same, found.count, found.agreement) == (8, 8, 1.0)
    assert found.p < 0.05
    assert found.expected == pytest.approx(8 * 3 / 7, abs=0.5)
    assert found.chance == pytest.approx(3 / 7, abs=0.06)


def test_neighbours_of_the_own_group_do_not_count():
    distances = line(0, 0.1, 50, 50.1)
    labels = ["a", "a", "b", "b"]
    assert label_agreement(distances, labels).agreement == 1.0
    assert label_agreement(distances, labels, ["p", "p", "q", "q"]).agreement == 0.0


def test_samples_without_a_label_are_left_out():
    found = label_agreement(line(0, 0.1, 5, 5.1, 2), ["a", "a", "b", "b", None])
    assert found.count == 4
    assert np.isnan(found.share[4])
    assert found.nearest[4] == -1


def test_no_neighbour_at_all_is_no_agreement():
    found = label_agreement(line(0, 1), ["a", "b"], ["p", "p"])
    assert (found.count, found.same, found.agreement, found.expected) == (0, 0, 0.0, 0.0)


def test_several_neighbours_are_averaged():
    found = label_agreement(line(0, 1, 2), ["a", "a", "b"], k=2)
    assert found.share.tolist() == [0.5, 0.5, 0.0]


def test_samples_of_an_unknown_group_stand_each_for_itself():
    places = np.array([0.0, 1.0, 10.0, 11.0])
    distances = np.abs(places[:, None] - places[None, :])
    found = label_agreement(distances, ["a", "a", "b", "b"], [None, None, "P1", None])
    assert found.nearest.tolist() == [1, 0, 3, 2]
    assert (found.same, found.count) == (4, 4)


def test_numbers_that_follow_the_line_are_near_and_chance_is_that_of_two_ranks():
    n = 30
    found = value_closeness(line(*range(n)), [2.0**i for i in range(n)], permutations=999)
    assert (found.apart, found.p, found.count) == (1.0, 0.001, n)
    assert found.by_chance == pytest.approx((n + 1) / 3, rel=0.05)  # the mean difference of two of 1 to n
    rng = np.random.default_rng(0)
    shuffled = [value_closeness(line(*range(n)), rng.permutation(n), permutations=99).p for _ in range(60)]
    assert 0.35 < np.mean(shuffled) < 0.65


def test_samples_without_a_number_and_of_the_same_patient_are_no_neighbours():
    found = value_closeness(line(0, 0.1, 1, 5, 5.2), [1, None, 2, 10, 10], permutations=9)
    assert (found.apart, found.count) == (pytest.approx((1 + 1 + 0 + 0) / 4), 4)  # ranks 1, 2, 3.5, 3.5
    found = value_closeness(line(0, 1, 10, 11), [1, 2, 3, 4], ["p", "p", "q", "q"], permutations=9)
    assert found.apart == pytest.approx((2 + 1 + 1 + 2) / 4)
    assert value_closeness(line(0, 1), [1, 2], ["p", "p"]).count == 0
