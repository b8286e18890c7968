from __future__ import annotations

import holoviews as hv
import numpy as np
import pytest

from lotviz.views.arrows import STILL, THICK, arrows_cloud
from tests.views.conftest import THEMES, options, parts, rows

BOUNDS = (-4.0, 4.0, -3.0, 3.0)
STARTS = np.array([[0.0, 0.0], [1.0, 1.0], [-1.0, 0.5]])
MOVES = np.array([[1.0, 1.0], [0.0, -2.0], [0.001, 0.0]])


def arrows(starts=STARTS, moves=MOVES, theme="light"):
    rng = np.random.default_rng(0)
    count = len(starts)
    return arrows_cloud(
        rng.normal(size=(200, 2)),
        starts,
        moves,
        share=np.linspace(0.01, 0.04, count),
        names=["T", "B", "NK"][:count],
        colours=["#111111", "#222222", "#333333"][:count],
        bounds=BOUNDS,
        theme=theme,
    )


def test_arrows_are_to_scale_and_their_heads_lie_at_the_end_and_point_the_way():
    picture = arrows()
    (shafts,), (heads, still) = parts(picture, hv.Segments), parts(picture, hv.Points)
    assert [list(row)[:4] for row in rows(shafts)] == [[0, 0, 1, 1], [1, 1, 1, -1]]
    assert [list(row)[:2] for row in rows(heads)] == [[1, 1], [1, -1]]
    assert list(heads.dimension_values("angle")) == pytest.approx([-45.0, -180.0])
    assert list(heads.dimension_values("population")) == ["T", "B"]
    assert options(heads, "style")["marker"] == "triangle"
    assert len(still) == 1 and list(rows(still)[0])[:2] == [-1, 0.5]
    assert np.hypot(*MOVES[2]) < STILL * 8


def test_more_mass_is_thicker():
    (shafts,) = parts(arrows(), hv.Segments)
    widths = shafts.dimension_values("width")
    assert widths[0] < widths[1] < THICK


def test_what_is_pointed_at_is_told_its_mass_and_move():
    heads, _still = parts(arrows(), hv.Points)
    assert list(heads.dimension_values("mass")) == ["1.0 %", "2.5 %"]
    assert list(heads.dimension_values("moves")) == ["1.41", "2.00"]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("count", [0, 1, 3])
def test_any_number_of_arrows_is_drawn(theme, count, drawn):
    drawn(arrows(STARTS[:count], MOVES[:count], theme))


def test_a_head_is_turned_on_the_screen_as_its_arrow(drawn):
    figure = drawn(arrows())
    (head,) = [r for r in figure.renderers if getattr(r.glyph, "marker", None) == "triangle"]
    angles = head.data_source.data[head.glyph.angle.field]
    assert np.asarray(angles) == pytest.approx(np.radians([-45.0, -180.0]))
