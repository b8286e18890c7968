"""Shares of studies against the size of what was planted, as SVG: a panel for each measure, a line for each design."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from line_chart import STYLE

HEIGHT, LEFT, TOP, BOTTOM = 260, 48, 52, 44
Lines = Mapping[str, Sequence[tuple[float, float]]]  # for each design its (effect, share)


def drawing(panels: Mapping[str, Lines], *, label: str, axis: str, dashes: Sequence[str], ticked: float) -> str:
    """Draw panels side by side, in the order of their titles.

    Parameters
    ----------
    panels
        For each title the lines.
    label
        What the picture shows, in words.
    axis
        What the effects are, with their unit.
    dashes
        How the lines are dashed, in the order of the designs.
    ticked
        Effects from here on get a number; those below stand too close.
    """
    keys = [30 + 8 * len(name) for name in next(iter(panels.values()))]
    width = max(300, LEFT + 2 * 20 + sum(keys))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width * len(panels)} {HEIGHT}" role="img" '
        f'aria-label="{label}">',
        f"<style>{STYLE}</style>",
    ]
    for number, (title, lines) in enumerate(panels.items()):
        panel = _panel(title, lines, axis=axis, dashes=dashes, ticked=ticked, width=width)
        parts += [f'<g transform="translate({number * width} 0)">', *panel, "</g>"]
    return "\n".join([*parts, "</svg>\n"])


def _panel(title: str, lines: Lines, *, axis: str, dashes: Sequence[str], ticked: float, width: int) -> list[str]:
    effects = sorted({effect for points in lines.values() for effect, _share in points})

    def at(effect: float, share: float) -> tuple[float, float]:
        x = LEFT + effect / effects[-1] * (width - LEFT - 20)
        return round(x, 1), round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)

    parts = [f'<text class="title" x="{LEFT}" y="20">{title}</text>']
    for share in (0.0, 0.5, 1.0):
        (x0, y), (x1, _) = at(0.0, share), at(effects[-1], share)
        parts.append(f'<line class="grid" x1="{x0}" y1="{y}" x2="{x1}" y2="{y}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{share:g}</text>')
    for effect in effects:
        if effect == 0.0 or effect >= ticked:
            x, y = at(effect, 0.0)
            parts.append(f'<text x="{x}" y="{y + 18}" text-anchor="middle">{effect:g}</text>')
    parts.append(f'<text x="{width / 2}" y="{HEIGHT - 6}" text-anchor="middle">{axis}</text>')
    key = LEFT
    for (name, points), dash in zip(lines.items(), dashes, strict=False):
        places = [at(*point) for point in points]
        line = " ".join(f"{x},{y}" for x, y in places)
        parts.append(f'<polyline class="ours fit" stroke-dasharray="{dash}" points="{line}"/>')
        parts += [f'<circle class="ours" cx="{x}" cy="{y}" r="2.5"/>' for x, y in places]
        parts.append(f'<line class="ours fit" stroke-dasharray="{dash}" x1="{key}" y1="36" x2="{key + 22}" y2="36"/>')
        parts.append(f'<text x="{key + 26}" y="40">{name}</text>')
        key += 30 + 8 * len(name)
    return parts
