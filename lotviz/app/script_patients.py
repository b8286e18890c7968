"""The Patients page as a script: the map, its clusters, and whatever stands beside and below it."""

from __future__ import annotations

from lotviz.app.choices import ALONG, AVERAGES, BICLUSTERS, PARTS, PLACINGS
from lotviz.app.pages.patients_averages import ARCS, averaged
from lotviz.app.session import Session


def patients_lines(session: Session, made: str) -> str:
    """Return the lines that make the numbers of the Patients page; `made` are those that make `found`, the regions."""
    c = session.choices
    part = PARTS[c.part]
    lines = [f"\ndistances = embedding.distances({part!r})", "print(distances)", *_map(session), *_clusters(session)]
    below, beside = c.below_map, c.beside_map
    if below in (ALONG, AVERAGES) or beside == BICLUSTERS:
        lines += ["from lotviz.analysis import regions, renamed", made.rstrip("\n")]
    if beside == BICLUSTERS:
        lines += [
            "from lotviz.analysis import biclusters, region_values",
            f"table = region_values(embedding, found, part={part!r}) / embedding.scaling.scale",
            f"blocks = biclusters(table.reshape(len(table), -1), seed={c.seed})",
            "print(blocks.rows, blocks.columns, blocks.explained, blocks.by_chance, blocks.p)",
        ]
    if below == ALONG:
        lines += [
            "from lotviz.analysis import mode_table, modes",
            f"axes = modes(embedding, part={part!r})",
            f"print(mode_table(axes, found, min({int(c.mode)}, len(axes.deviations)) - 1))",
        ]
    if below == AVERAGES:
        lines += _averages(session)
    return "\n".join(lines) + "\n"


def _map(session: Session) -> list[str]:
    """Make the map."""
    c = session.choices
    method = PLACINGS[c.placing]
    if method == "pca":
        call = f"principal_axes(embedding, part={PARTS[c.part]!r}).coordinates"
        return ["from lotviz.analysis import principal_axes", f"print({call})"]
    name, options = ("mds_map", "") if method == "mds" else ("tsne_map", f", seed={c.seed}")
    return [f"from lotviz.analysis import {name}", f"print({name}(distances{options}))"]


def _clusters(session: Session) -> list[str]:
    """Look for clusters, and for what they follow."""
    c = session.choices
    count = "" if c.clusters == "auto" else f", count={int(c.clusters)}"
    lines = [
        "from lotviz.analysis import clusters, following",
        f"kinds = clusters(distances{count}, seed={c.seed})",
        "print(kinds)",
    ]
    owners = f"embedding.samples[{session.group!r}]" if session.group else "None"
    for column in filter(None, (session.grouping, session.batch)):
        call = f"following(kinds.labels, embedding.samples[{column!r}], {owners}, name={column!r}, seed={c.seed})"
        lines += ["if kinds is not None:", f"    print({call})"]
    return lines


def _averages(session: Session) -> list[str]:
    """Average the groups, compare the averages, and bound them."""
    c, groups = session.choices, averaged(session)
    owners = f"embedding.samples[{session.group!r}]" if session.group else "None"
    lines = [
        "from lotviz.analysis import group_difference, group_weights",
        "from lotviz.transport import certified_barycenter",
        "names = list(embedding.samples.index)",
    ]
    if len(groups) == 2:
        options = f"regions=found, group={session.group!r}, part={PARTS[c.part]!r}, seed={c.seed}"
        lines.append(f"print(group_difference(embedding, {session.grouping!r}, {groups!r}, {options}).table())")
    for name in groups or ("all",):
        labels = f"embedding.samples[{session.grouping!r}]" if groups else "['all'] * len(names)"
        lines.append(f"weights = group_weights({labels}, {name!r}, {owners}, names=names)")
        lines.append(f"print(certified_barycenter(embedding, weights, arcs={ARCS}, seed={c.seed}).said())")
    return lines
