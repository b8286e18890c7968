from __future__ import annotations

from unittest.mock import patch

import holoviews as hv
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba.core.event import install_recorder

from lotviz.views import clouds
from lotviz.views.clouds import (
    SHAPE,
    biaxial_cloud,
    bounds_of,
    box_of,
    cloud,
    counts_cloud,
    framed,
    moves_cloud,
    populations_cloud,
    shade_counts,
    shade_highlighted,
    shade_populations,
    shade_values,
    values_cloud,
    widened,
)
from lotviz.views.theme import TOKENS, diverging, rgba
from tests.views.conftest import THEMES, options, parts, rows

BOUNDS = (-4.0, 4.0, -3.0, 3.0)
WIDTH, HEIGHT = 420, 315
MANY = 100_000  # cells; fewer are drawn as dots of several pixels
COLOURS = {"T": "#e69f00", "B": "#56b4e9", "NK": "#009e73"}


def normal(n=MANY, seed=0, spread=1.5):
    """Cells, many enough to be drawn a pixel each; some of them lie beyond the frame."""
    return np.random.default_rng(seed).normal(scale=spread, size=(n, 2))


def pixels(points):
    """Column and row of each cell, those beyond the frame on its edge."""
    x0, x1, y0, y1 = BOUNDS
    shares = (points - [x0, y0]) / [x1 - x0, y1 - y0]
    return np.clip(np.floor(shares * [WIDTH, HEIGHT]), 0, [WIDTH - 1, HEIGHT - 1]).astype(int)


def counted(points, weights=None):
    """Count the cells of each pixel with numpy: (height, width), row 0 at the bottom."""
    column, row = pixels(points).T
    return np.bincount(row * WIDTH + column, weights, minlength=WIDTH * HEIGHT).reshape(HEIGHT, WIDTH)


@pytest.fixture
def counts(monkeypatch):
    """Keep what Datashader counted, before it becomes colours."""
    seen = []
    shade = clouds.tf.shade

    def spy(aggregate, **chosen):
        seen.append(aggregate)
        return shade(aggregate, **chosen)

    monkeypatch.setattr(clouds.tf, "shade", spy)
    return seen


def test_every_cell_is_counted_where_numpy_counts_it(counts):
    points = normal()
    shade_counts(points, ["#000000", "#ffffff"], bounds=BOUNDS)
    found = counts[0].to_numpy()
    assert found.sum() == len(points)
    assert (np.abs(points) > [4, 3]).any(), "the example has cells beyond the frame"
    assert (found == counted(points)).all()


def test_every_cell_of_every_population_is_counted(counts):
    points = normal(seed=1)
    populations = np.random.default_rng(1).choice(list(COLOURS), len(points))
    shade_populations(points, populations, COLOURS, bounds=BOUNDS)
    for name in COLOURS:
        mine = populations == name
        assert (counts[0].sel(population=name).to_numpy() == counted(points[mine])).all()


def test_no_kernel_is_compiled_for_other_names_of_populations():
    points = normal(100)
    shade_populations(points, np.full(100, "T"), COLOURS, bounds=BOUNDS)
    others = {f"region {number}": "#000000" for number in range(8)}
    with install_recorder("numba:compile") as compiled:
        shade_populations(points, np.full(100, "region 3"), others, bounds=BOUNDS)
    assert not compiled.buffer


@pytest.mark.parametrize("place", [(1e6, 0), (-1e6, 0), (0, 1e6), (0, -1e6), (4, 3), (-4, -3), (1e6, -1e6)])
def test_a_cell_beyond_the_frame_lies_on_its_edge(counts, place):
    shade_counts(np.array([place], float), ["#000000", "#ffffff"], bounds=BOUNDS)
    found = counts[0].to_numpy()
    assert found[found > 0].tolist() == [1]
    assert np.argwhere(found)[:, ::-1].tolist() == pixels(np.array([place], float)).tolist()


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_cells_of_single_precision_are_all_counted(counts, kind):
    shade_counts(normal(seed=2).astype(kind), ["#000000", "#ffffff"], bounds=BOUNDS)
    assert counts[0].to_numpy().sum() == MANY


def test_one_cell_alone_can_be_seen_among_many():
    points = np.vstack([np.zeros((MANY, 2)), [[2.0, 2.0]]])
    image = shade_counts(points, ["#eeeeee", "#000000"], bounds=BOUNDS)
    column, row = pixels(points[-1:])[0]
    assert image[row, column, 3] >= clouds.FAINTEST


@pytest.mark.parametrize("cells", [1, 200, 2_000, 10_000])
def test_few_cells_are_drawn_as_dots(cells):
    image = shade_counts(np.zeros((cells, 2)), ["#000000"], bounds=BOUNDS)
    assert (image[..., 3] > 0).sum() > 4


@pytest.mark.parametrize("theme", THEMES)
def test_values_are_means_on_the_diverging_map(theme):
    points = normal(seed=3)
    values = np.random.default_rng(3).integers(-5, 6, len(points)).astype(float)
    image = shade_values(points, values, limit=5.0, bounds=BOUNDS, theme=theme)
    number = counted(points)
    lit = number > 0
    means = counted(points, values)[lit] / number[lit]
    expected = rgba(diverging(theme))[np.rint(means / 5 * 127 + 127).astype(int)]
    assert ((image[..., 3] > 0) == lit).all()
    assert (image[lit][:, :3] == expected[:, :3]).all()


@pytest.mark.parametrize("theme", THEMES)
def test_no_contribution_is_exactly_neutral(theme):
    image = shade_values(normal(), np.zeros(MANY), limit=1e-12, bounds=BOUNDS, theme=theme)
    neutral = rgba([TOKENS[theme]["mid"]])[0, :3]
    assert (image[image[..., 3] > 0][:, :3] == neutral).all()


@pytest.mark.parametrize("cells", [1, 300, 3_000, 30_000])
def test_no_contribution_of_few_cells_is_neutral_too(cells):
    image = shade_values(normal(cells), np.zeros(cells), limit=1.0, bounds=BOUNDS, theme="light")
    off = image[image[..., 3] > 0][:, :3].astype(int) - rgba([TOKENS["light"]["mid"]])[0, :3]
    assert np.abs(off).max() <= 1, "dots that lie over one another are mixed in 8 bits"


def test_contributions_that_cancel_are_neutral():
    image = shade_values(np.zeros((MANY, 2)), np.tile([2.0, -2.0], MANY // 2), limit=2.0, bounds=BOUNDS, theme="light")
    assert (image[image[..., 3] > 0][:, :3] == rgba([TOKENS["light"]["mid"]])[0, :3]).all()


@pytest.mark.parametrize(("value", "place"), [(9.0, 254), (-9.0, 0)])
def test_values_beyond_the_limit_get_the_last_colour(value, place):
    image = shade_values(np.zeros((MANY, 2)), np.full(MANY, value), limit=1.0, bounds=BOUNDS, theme="light")
    assert (image[image[..., 3] > 0][:, :3] == rgba(diverging("light"))[place, :3]).all()


def test_a_limit_of_zero_is_survived():
    image = shade_values(np.zeros((MANY, 2)), np.zeros(MANY), limit=0.0, bounds=BOUNDS, theme="light")
    assert (image[image[..., 3] > 0][:, :3] == rgba([TOKENS["light"]["mid"]])[0, :3]).all()


def test_a_population_keeps_its_colour_when_another_is_absent():
    aside = np.array([2.0, 0.0])
    left, right = normal(spread=0.3) - aside, normal(seed=1, spread=0.3) + aside
    both = shade_populations(np.vstack([left, right]), np.repeat(["T", "B"], MANY), COLOURS, bounds=BOUNDS)
    alone = shade_populations(left, np.full(MANY, "T"), COLOURS, bounds=BOUNDS)
    here = np.s_[:, : WIDTH // 2]
    lit = alone[here][..., 3] > 0
    assert (lit == (both[here][..., 3] > 0)).all()
    for image in (both, alone):
        assert (image[here][lit][:, :3] == rgba([COLOURS["T"]])[0, :3]).all()


def test_the_order_of_the_colours_decides_nothing():
    points, populations = normal(), np.random.default_rng(0).choice(list(COLOURS), MANY)
    one = shade_populations(points, populations, COLOURS, bounds=BOUNDS)
    other = shade_populations(points, populations, dict(reversed(COLOURS.items())), bounds=BOUNDS)
    assert (one[..., 3] == other[..., 3]).all()
    assert np.abs(one.astype(int) - other).max() <= 1, "colours are mixed in another order"


@pytest.mark.parametrize("theme", THEMES)
def test_no_cells_are_an_empty_picture(theme):
    nothing = np.zeros((0, 2))
    assert not shade_counts(nothing, ["#000000"], bounds=BOUNDS)[..., 3].any()
    assert not shade_values(nothing, np.zeros(0), limit=1.0, bounds=BOUNDS, theme=theme)[..., 3].any()
    assert not shade_populations(nothing, np.zeros(0, object), COLOURS, bounds=BOUNDS)[..., 3].any()


def test_an_image_stands_upright():
    image = np.zeros((3, 4, 4), np.uint8)
    image[2, 0] = 255  # row 0 is at the bottom, so this is the upper left
    element = cloud(image, BOUNDS)
    assert element.bounds.lbrt() == (-4.0, -3.0, 4.0, 3.0)
    assert [d.name for d in element.vdims] == ["R", "G", "B", "A"]
    heights, shown = element.dimension_values("y", expanded=False), element.dimension_values("A", flat=False)
    assert shown[np.argmax(heights)].tolist() == [255, 0, 0, 0]
    assert shown.sum() == 255


# ---- cells that stand out


@pytest.mark.parametrize("theme", THEMES)
def test_cells_that_stand_out_keep_their_colour_and_the_others_are_faded(theme):
    aside = np.array([2.0, 0.0])
    points = np.vstack([normal(spread=0.3) - aside, normal(seed=1, spread=0.3) + aside])
    values, inside = np.repeat([-1.0, 1.0], MANY), np.repeat([False, True], MANY)
    plain = shade_values(points, values, limit=1.0, bounds=BOUNDS, theme=theme)
    image = shade_highlighted(points, values, inside, limit=1.0, bounds=BOUNDS, theme=theme)
    left, right = np.s_[:, : WIDTH // 2], np.s_[:, WIDTH // 2 :]
    for half in (left, right):
        lit = plain[half][..., 3] > 0
        assert (lit == (image[half][..., 3] > 0)).all(), "no cell is hidden"
        assert (image[half][lit][:, :3] == plain[half][lit][:, :3]).all()
    assert image[left][..., 3].max() <= 256 * clouds.FADED
    assert image[right][..., 3].max() > 200


def test_a_cell_that_stands_out_lies_above_the_others():
    points, values = np.zeros((MANY + 1, 2)), np.r_[np.full(MANY, -1.0), 1.0]
    image = shade_highlighted(points, values, values > 0, limit=1.0, bounds=BOUNDS, theme="light")
    column, row = pixels(points[:1])[0]
    assert (image[row, column, :3] == rgba([diverging("light")[254]])[0, :3]).all()


@pytest.mark.parametrize("inside", [None, np.zeros(9, bool), np.ones(9, bool)])
def test_any_choice_of_cells_is_drawn(inside, drawn):
    line = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]])
    chosen = {"limit": 1.0, "theme": "dark", "inside": inside, "line": line}
    for picture in (
        values_cloud(normal(9), np.ones(9), bounds=BOUNDS, **chosen),
        biaxial_cloud(normal(9), np.ones(9), bounds=BOUNDS, axes=("CD3 (arcsinh)", "CD4 {x}"), **chosen),
    ):
        (path,) = parts(picture, hv.Path)
        assert path.array()[:, :2].tolist() == [*line.tolist(), line[0].tolist()], "the line is closed"
        drawn(picture)


@pytest.mark.parametrize("line", [None, np.zeros((0, 2)), np.zeros((2, 2))])
def test_no_line_is_no_path(line):
    picture = values_cloud(normal(9), np.ones(9), limit=1.0, bounds=BOUNDS, theme="light", line=line)
    assert parts(picture, hv.Path) == []
    assert len(parts(picture, hv.RGB)) == 1


def test_two_markers_have_axes_with_their_units_and_need_not_have_one_scale():
    points = normal(500) * [1, 1000]
    bounds = box_of([points])
    picture = biaxial_cloud(points, np.ones(500), limit=1.0, bounds=bounds, axes=("CD3 (a)", "CD4 (b)"), theme="light")
    (image,) = parts(picture, hv.RGB)
    assert image.bounds.lbrt() == pytest.approx((bounds[0], bounds[2], bounds[1], bounds[3]))
    rows_, columns = image.dimension_values("A", flat=False).shape
    assert columns / rows_ == pytest.approx(SHAPE, rel=0.02), "the image is not as thin as its units"
    chosen = options(picture)
    assert (chosen["xlabel"], chosen["ylabel"]) == ("CD3 (a)", "CD4 (b)")
    assert "data_aspect" not in chosen


def test_a_box_holds_the_cells_and_leaves_out_the_few_far_away():
    points = np.vstack([normal(5_000), [[1e6, 1e6]]])
    x0, x1, y0, y1 = box_of([points, np.zeros((0, 2))])
    assert -10 < x0 < x1 < 10
    assert -10 < y0 < y1 < 10
    x0, x1, y0, y1 = box_of([np.array([[1.0, 1.0]])])
    assert x0 < 1 < x1
    assert y0 < 1 < y1


# ---- frames


@given(st.integers(1, 50), st.integers(0, 2**32 - 1), st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_a_frame_has_one_shape_and_holds_the_cells(n, seed, wide, high):
    points = np.random.default_rng(seed).normal(size=(n, 2)) * [wide, high]
    x0, x1, y0, y1 = bounds_of([points], cover=1)
    assert (x1 - x0) / (y1 - y0) == pytest.approx(SHAPE)
    assert (points >= [x0, y0]).all()
    assert (points <= [x1, y1]).all()


def test_a_frame_leaves_out_the_few_cells_far_away():
    points = np.vstack([normal(5_000), [[1e6, 1e6]]])
    assert bounds_of([points])[1] < 20


def test_a_sample_without_cells_does_not_decide_the_frame():
    assert bounds_of([np.zeros((0, 2)), normal(50)]) == bounds_of([normal(50)])


def test_a_single_cell_has_a_frame():
    x0, x1, y0, y1 = bounds_of([np.array([[5.0, -2.0]])])
    assert x0 < 5 < x1
    assert y0 < -2 < y1


@given(st.floats(0.2, 5), st.floats(0, 0.5), st.floats(0, 100), st.floats(0, 100))
def test_widening_keeps_the_middle(shape, margin, wide, high):
    x0, x1, y0, y1 = widened(np.zeros(2), np.array([wide, high]), shape=shape, margin=margin)
    assert ((x0 + x1) / 2, (y0 + y1) / 2) == pytest.approx((wide / 2, high / 2))
    assert (x1 - x0) / (y1 - y0) == pytest.approx(shape)


def test_a_frame_is_bare_and_of_equal_scales():
    chosen = options(framed(cloud(np.zeros((3, 4, 4), np.uint8), BOUNDS), BOUNDS))
    wanted = {"data_aspect": 1, "xlim": (-4, 4), "ylim": (-3, 3), "xaxis": None, "yaxis": None, "toolbar": None}
    assert wanted.items() <= chosen.items()
    assert chosen["responsive"] is True


# ---- names on the picture


def boxes(picture):
    """Return the place each name takes, as the smallest picture draws it: left, right, bottom, top."""
    x0, x1, y0, y1 = BOUNDS
    wide, high = (x1 - x0) / 52, (y1 - y0) / 15
    (labels,) = parts(picture, hv.Labels)
    return [
        (x - len(text) * wide / 2, x + len(text) * wide / 2, y - high / 2, y + high / 2) for x, y, text in rows(labels)
    ]


def overlap(one, other, tolerance=1e-9):
    return (
        min(one[1], other[1]) - max(one[0], other[0]) > tolerance
        and min(one[3], other[3]) - max(one[2], other[2]) > tolerance
    )


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 12), st.integers(0, 2**32 - 1), st.floats(0.01, 2))
def test_no_two_names_lie_over_one_another(kinds, seed, apart):
    rng = np.random.default_rng(seed)
    names = [f"population {'x' * int(rng.integers(0, 9))} {i}" for i in range(kinds)]
    middles = rng.normal(scale=apart, size=(kinds, 2))
    which = rng.integers(0, kinds, 600)
    points, populations = middles[which] + rng.normal(scale=0.1, size=(600, 2)), np.array(names, dtype=object)[which]
    colours = dict.fromkeys(names, "#000000")
    with patch.object(clouds, "shade_populations", lambda *_given, **_chosen: np.zeros((3, 4, 4), np.uint8)):
        picture = populations_cloud(points, populations, colours, bounds=BOUNDS, theme="light")
    found = boxes(picture)
    assert found
    assert not any(overlap(a, b) for i, a in enumerate(found) for b in found[:i])


def test_names_carry_the_share_of_the_cells_and_small_populations_have_none():
    populations = np.repeat(["T", "B", "NK"], [70, 27, 3])
    points = np.repeat([[-2.0, 0.0], [2.0, 0.0], [0.0, 2.0]], [70, 27, 3], axis=0)
    picture = populations_cloud(points, populations, COLOURS, bounds=BOUNDS, theme="light")
    assert [text for *_, text in rows(parts(picture, hv.Labels)[0])] == ["T 70 %", "B 27 %"]


def test_a_name_is_text_whatever_it_says(drawn):
    name = "<b>$x$ %s {0}"
    picture = populations_cloud(np.zeros((9, 2)), np.full(9, name), {name: "#000000"}, bounds=BOUNDS, theme="dark")
    assert rows(parts(picture, hv.Labels)[0])[0][2] == f"{name} 100 %"
    drawn(picture)


def test_names_can_be_left_out(drawn):
    picture = populations_cloud(np.zeros((9, 2)), np.full(9, "T"), COLOURS, bounds=BOUNDS, theme="light", shares=False)
    assert rows(parts(picture, hv.Labels)[0]) == []
    drawn(picture)


# ---- elements


def test_moves_are_lines_with_a_dot_at_the_end(drawn):
    starts, ends = normal(5, seed=1), normal(5, seed=2)
    colours = ["#000000", "#111111", "#222222", "#333333", "#444444"]
    picture = moves_cloud(normal(100), starts, ends, colours, bounds=BOUNDS, theme="light")
    (lines,), (dots,) = parts(picture, hv.Segments), parts(picture, hv.Points)
    assert np.allclose(lines.array(lines.kdims), np.hstack([starts, ends]))
    assert np.allclose(dots.array(dots.kdims), ends)
    assert list(dots.dimension_values("colour")) == colours
    drawn(picture)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("cells", [0, 1, 500])
def test_pictures_of_any_number_of_cells_are_drawn(theme, cells, drawn):
    points = normal(cells)
    drawn(counts_cloud(points, bounds=BOUNDS, theme=theme))
    drawn(values_cloud(points, np.zeros(cells), limit=1.0, bounds=BOUNDS, theme=theme))
    drawn(moves_cloud(points, points[:3], points[:3], ["#000000"] * min(cells, 3), bounds=BOUNDS, theme=theme))


def test_a_chosen_population_lies_before_the_others_which_are_faded():
    points = np.array([[0.0, 0.0]] * 500 + [[2.0, 1.0]] * 500)
    populations = np.array(["T"] * 500 + ["B"] * 500, dtype=object)
    colours, bounds = {"T": "#ff0000", "B": "#0000ff"}, (-4.0, 4.0, -3.0, 3.0)
    plain, chosen = (
        populations_cloud(points, populations, colours, bounds=bounds, theme="light", chosen=one) for one in (None, "B")
    )
    opacity = []
    for picture in (plain, chosen):
        red, _green, blue, alpha = (picture.get(0).dimension_values(channel) for channel in "RGBA")
        opacity.append((alpha[red > 0].max(), alpha[blue > 0].max()))
    assert opacity[1][0] == round(opacity[0][0] * clouds.FADED)
    assert opacity[1][1] == opacity[0][1]
    assert [row[2] for row in rows(chosen.get(1))] == ["B 50 %"]
