"""Where cells go, as arrows to scale over the cells they start from."""

from __future__ import annotations

from collections.abc import Sequence

import holoviews as hv
import numpy as np
import pandas as pd

from lotviz.views.clouds import Bounds, cloud, framed, shade_counts
from lotviz.views.theme import TOKENS, ThemeName

THIN, THICK = 1.1, 3.0  # of a shaft, in pixels: the least and the most mass
STILL = 0.012  # of the width of the frame: a shorter move is a dot without direction


def arrows_cloud(
    points: np.ndarray,
    starts: np.ndarray,
    moves: np.ndarray,
    *,
    share: np.ndarray,
    names: Sequence[str],
    colours: Sequence[str],
    bounds: Bounds,
    theme: ThemeName,
) -> hv.Overlay:
    """Return arrows as long as the moves, the thicker the more mass; what hardly moves is a dot.

    Parameters
    ----------
    points
        Cells that lie behind in grey, (n, 2).
    starts, moves
        Where each arrow begins and how far it goes, (g, 2) each.
    share
        Mass of each arrow, as a share of all cells, (g,).
    names, colours
        What each arrow is of, for the words beside a mark that is pointed at, and its colour, (g,).
    bounds, theme
        The frame; light or dark.
    """
    token = TOKENS[theme]
    ground = cloud(shade_counts(points, [token["line"], token["faint"]], bounds=bounds, faintest=40), bounds)
    starts, moves = np.asarray(starts, float).reshape(-1, 2), np.asarray(moves, float).reshape(-1, 2)
    length = np.hypot(*moves.T)
    going = length > STILL * (bounds[1] - bounds[0])
    table = pd.DataFrame(np.hstack([starts, starts + moves]), columns=["x", "y", "to x", "to y"])
    table["colour"] = list(colours)
    table["width"] = THIN + (THICK - THIN) * np.sqrt(share / max(float(np.max(share, initial=0)), 1e-12))
    table["angle"] = np.degrees(np.arctan2(moves[:, 1], moves[:, 0])) - 90.0  # a triangle points upwards
    table["population"] = list(names)
    table["mass"] = [f"{100 * one:.1f} %" for one in share]
    table["moves"] = [f"{one:.2f}" for one in length]
    shafts = hv.Segments(table[going], ["x", "y", "to x", "to y"], ["colour", "width"]).opts(
        color="colour", line_width="width", alpha=0.9, line_cap="butt"
    )
    said = {
        "tools": ["hover"],
        "hover_tooltips": [("population", "@population"), ("mass here", "@mass"), ("mean move", "@moves")],
        "color": "colour",
        "line_color": token["paper"],
        "line_width": 0.6,
    }
    marks = ["colour", "angle", "population", "mass", "moves"]
    heads = hv.Points(table[going], ["to x", "to y"], marks).opts(marker="triangle", size=9, angle="angle", **said)
    still = hv.Points(table[~going], ["x", "y"], marks).opts(marker="circle", size=5, **said)
    return framed(ground * shafts * heads * still, bounds)
