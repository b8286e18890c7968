"""The morph canvas: cells of two to eight samples sent to the browser once, which draws every mixture by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import panel as pn
import param

from lotviz.app.assets import asset
from lotviz.app.morph_message import (
    MOST,
    colour_bytes,
    pack_pairs,
    pack_tuples,
    picture_bounds,
    quantise,
    samples_in,
    travelled,
    weights_at,
)

__all__ = [
    "MorphCanvas",
    "colour_bytes",
    "pack_pairs",
    "pack_tuples",
    "picture_bounds",
    "quantise",
    "travelled",
    "weights_at",
]

_SCRIPTS = ("kernel.js", "weights.js", "dom.js", "engine.js", "controls.js", "player.js", "morph.js")


class Weights(param.List):
    """Weights of samples: none (all alike), or 2 to 8 numbers not below 0 that sum to one."""

    def _validate(self, val: Any) -> None:
        super()._validate(val)
        if not val:
            return
        numbers = np.asarray(val, dtype=float)
        if not (2 <= numbers.size <= MOST and (numbers >= 0).all() and abs(numbers.sum() - 1) < 1e-3):
            raise ValueError(f"Expected 2 to {MOST} weights from 0 to 1 that sum to one, found {val}.")


class Readout(param.Dict):
    """A number that runs along: empty, or `{"label": ..., "values": [one per sample]}`; see `MorphCanvas.readout`."""

    def _validate(self, val: Any) -> None:
        super()._validate(val)
        if not val:
            return
        wrong = sorted(set(val) - {"label", "values", "digits", "signed", "unit"})
        if wrong or "label" not in val or not np.isfinite(np.asarray(val.get("values", []), dtype=float)).all():
            raise ValueError(f"Expected label, finite values and perhaps digits, signed, unit, found {val}.")


class MorphCanvas(pn.custom.JSComponent):
    """A cloud between samples, drawn in the browser, with the control that moves it.

    While a hand is on the control or the morph plays, nothing reaches Python; `t` or `weights` change on release or
    pause. Setting any parameter from Python redraws in place. Colours of text and controls come from the page
    (`--lv-accent`, `--lv-faint`, `--lv-paper`, ...). The mixture is announced on the browser's document as the event
    `lotviz-morph`, which `MorphCurves` and `MorphShares` of the same `channel` follow.
    """

    cells = param.Bytes(b"", doc="The tuples, from pack_tuples; replacing them shows other samples.")
    control = param.Selector(
        default="slider",
        objects=["slider", "weights", "path"],
        doc="A slider between two samples, weights of all (sliders and a polygon), or a path from one to the next.",
    )
    t = param.Number(
        0.5,
        bounds=(0, MOST - 1),
        doc="Place on the track, 0 the first sample, K - 1 the last; from the browser on release only.",
    )
    weights = Weights(default=[], doc="Weights of the K samples, summing to one, for control 'weights'; empty: alike.")
    labels = param.List(default=[], item_type=str, doc="Names of the K samples, plain text; empty: label_a, label_b.")
    colours = param.List(default=[], item_type=str, doc="Colours of the K samples, like #0072B2; empty: colour_a, ...")
    colour_by = param.Selector(
        default="count",
        objects=["count", "value", "category", "marker", "travel", "origin"],
        doc="What colour means. origin: the category each cell has in the sample `origin`, kept on its way. What the "
        "message does not hold is drawn as count.",
    )
    origin = param.Integer(0, bounds=(0, MOST - 1), doc="The sample whose categories 'origin' shows.")
    count_palette = param.Bytes(
        colour_bytes(["#e8eaf5", "#4350af", "#12153a"]), doc="RGBA of few to many cells. Empty is transparent."
    )
    value_palette = param.Bytes(
        colour_bytes(["#d55e00", "#d9dadb", "#0072b2"]),
        doc="RGBA of -limit to limit; an odd number, zero in the middle.",
    )
    category_palette = param.Bytes(colour_bytes(["#4d5157"]), doc="RGBA of the categories, in the order of the codes.")
    level_palette = param.Bytes(
        colour_bytes(["#d9dadb", "#4350af"]), doc="RGBA of low to high, for 'marker' and 'travel'."
    )
    label_a = param.String("A", doc="Name of the first of two samples, where `labels` is empty.")
    label_b = param.String("B", doc="Name of the second of two samples, where `labels` is empty.")
    colour_a = param.Color("#d55e00", doc="Colour of the first of two samples, where `colours` is empty.")
    colour_b = param.Color("#0072b2", doc="Colour of the second of two samples, where `colours` is empty.")
    title = param.String("Synthetic cells", doc="First words of the head line; the place follows.")
    note = param.String("never measured", doc="Quiet words after the title.")
    unit = param.String("cells", doc="What is counted in the badge: cells, or pairs of cells.")
    n_total = param.Integer(0, bounds=(0, None), doc="The M of the badge 'N of M cells'; 0: all that were sent.")
    readout = Readout(
        default={},
        doc="A number that runs along in the head line, linear in the weights: {'label': 'score', 'values': [one per "
        "sample], 'digits': 2, 'signed': True, 'unit': ''}.",
    )
    axis = param.Dict(
        default={},
        doc="What the track measures instead of percent of the way: {'low': -2, 'high': 2, 'unit': 'sd'}.",
    )
    t_from = param.String("", doc="Words below the left end of the track, such as −2 sd.")
    t_to = param.String("", doc="Words below the right end of the track, such as +2 sd.")
    measured = param.Range(
        (0, 1),
        bounds=(0, 1),
        doc="Shares of the track between which measured samples lie; what is beyond is marked and said.",
    )
    beyond = param.String("beyond measured patients", doc="Words of the head line where the morph is beyond.")
    can_play = param.Boolean(True, doc="Show the buttons Play and Loop.")
    loop = param.Boolean(False, doc="Play to and fro (of weights: round and round) until paused.")
    speed = param.Number(0.2, bounds=(0.01, 5), doc="Share of the way between two samples that is played a second.")
    channel = param.String("", doc="Name by which curves and shares of the same page follow this canvas.")
    drag_limit = param.Integer(
        1_000_000, bounds=(1, None), doc="Most tuples drawn while something moves; fewer where that is slow."
    )
    use_worker = param.Boolean(True, constant=True, doc="Draw beside the page; off for browsers that forbid it.")

    _esm = "\n".join(asset("morph", name).read_text("utf-8") for name in _SCRIPTS)
    _stylesheets = [asset("morph", "morph.css").read_text("utf-8")]  # noqa: RUF012 - Panel's own name and type

    def mixture(self) -> list[float]:
        """Return the weights of the K samples that are shown, whichever control is used; empty without cells."""
        k = samples_in(self.cells)
        if self.control != "weights":
            return weights_at(self.t, k)
        return [1 / k] * k if len(self.weights) != k else [float(weight) for weight in self.weights]
