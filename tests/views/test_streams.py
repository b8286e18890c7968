from __future__ import annotations

import holoviews as hv
import numpy as np
from bokeh.models import LassoSelectTool

from lotviz.views.clouds import values_cloud
from lotviz.views.streams import on_lasso, on_tap
from lotviz.views.tables import stability_table


def cells():
    return values_cloud(np.zeros((9, 2)), np.zeros(9), limit=1.0, bounds=(-2, 2, -1, 1), theme="light")


def test_a_lasso_is_at_hand_without_a_toolbar(drawn):
    picture = cells()
    on_lasso(picture, lambda _line: None)
    toolbar = drawn(picture).toolbar
    (tool,) = toolbar.tools
    assert isinstance(tool, LassoSelectTool)
    assert toolbar.active_drag is tool


def test_the_line_that_was_drawn_arrives_when_the_hand_lets_go():
    picture, lines = cells(), []
    on_lasso(picture, lines.append)
    (stream,) = hv.streams.Stream.registry[next(iter(picture))]
    assert isinstance(stream, hv.streams.Lasso)
    stream.event(geometry=np.array([[0, 0], [1, 0], [1, 1]]))
    (line,) = lines
    assert line.dtype == float
    assert line.tolist() == [[0, 0], [1, 0], [1, 1]]


def test_a_tap_says_which_cell_of_a_table_and_so_which_row():
    _picture, marks = stability_table(["a", "b", "c"], ["r", "s"], np.zeros((2, 3)), theme="light")
    found = []
    on_tap(marks, lambda cell: found.append(cell // 3))
    stream = hv.streams.Stream.registry[marks][0]
    stream.event(index=[4])
    stream.event(index=[])
    assert found == [1]
