"""Beside the map: every pair of samples with their clusters, or samples and markers found together."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import partial
from html import escape

import numpy as np

from lotviz.analysis.bicluster import LEAST_COLUMNS, LEAST_SAMPLES, Biclusters, biclusters
from lotviz.analysis.clustering import Clusters, Following, clusters, following
from lotviz.analysis.neighbours import label_agreement, value_closeness
from lotviz.analysis.region_values import region_values
from lotviz.app.choices import BICLUSTERS, PARTS
from lotviz.app.frame import Page, headline, picture, ramp, section, select
from lotviz.app.jobs import Progress
from lotviz.app.pages.patients_places import categories, unlike
from lotviz.app.pages.patients_survey import surveyed, under_way
from lotviz.app.session import Session
from lotviz.transport import LOTEmbedding
from lotviz.views.biclusters import bicluster_map
from lotviz.views.maps import farthest, pairs_table, ranked
from lotviz.views.said_of_patients import biclusters_said, changes_said, clusters_said, probability
from lotviz.views.style import nothing
from lotviz.views.theme import TOKENS, carrying, graded, group_colours, sequential

MOST_LISTED = 3  # unlike samples that are named in the answer
FOLLOWS = 0.05  # p below which clusters are said to follow a column


@dataclass(frozen=True, eq=False)
class Clustered:
    """The clusters of the samples, and how far they agree with the label and the batch."""

    clusters: Clusters | None
    label: Following | None
    batch: Following | None


# ---- numbers -----------------------------------------------------------------------------------------------------


def clustered(session: Session) -> Clustered | None:
    """Return the clusters of the samples; None until they are there."""
    choices, survey = session.choices, surveyed(session)
    if survey is None:
        return None
    distances = survey.distances
    count = None if choices.clusters == "auto" else int(choices.clusters)
    samples, who = session.embedding.samples, session.group
    label, batch = session.grouping, session.batch
    deal = {"groups": samples[who] if who else None, "seed": choices.seed}

    def work(progress: Progress, cancel: threading.Event) -> Clustered:
        found = clusters(distances, count=count, seed=choices.seed, progress=progress, cancel=cancel)
        columns = [
            None if found is None or column is None else following(found.labels, samples[column], name=column, **deal)
            for column in (label, batch)
        ]
        return Clustered(found, *columns)

    place = ("clusters", session.comparison, choices.part, count, label, batch, who)
    return session.aside.get("clusters", place, "Looking for clusters", work)


def biclustered(session: Session) -> Biclusters | None:
    """Return samples and markers that go together; None until they are there."""
    embedding, parts, part, seed = session.embedding, session.derived_regions, _part(session), session.choices.seed

    def work(progress: Progress, cancel: threading.Event) -> Biclusters:
        table = region_values(embedding, parts, part=part) / embedding.scaling.scale
        return biclusters(table.reshape(len(table), -1), seed=seed, progress=progress, cancel=cancel)

    place = ("biclusters", session.comparison, part)
    return session.aside.get("biclusters", place, "Looking for biclusters", work)


def possible(embedding: LOTEmbedding, columns: int) -> bool:
    """Whether there are enough samples and columns for biclusters."""
    return len(embedding.samples) >= LEAST_SAMPLES and columns >= LEAST_COLUMNS


def _part(session: Session) -> str:
    return PARTS[session.choices.part]


# ---- the answer --------------------------------------------------------------------------------------------------


def answer(session: Session) -> str:
    """Say whether there are clusters, whether like samples share a group, and who is unlike everyone else."""
    if surveyed(session) is None:
        return under_way(session)
    verdict = _verdict(session)
    said = _neighbours_said(session, alone=not verdict)
    return f"{verdict + '. ' if verdict else ''}{said}{_unlike_said(session)}"


def _verdict(session: Session) -> str:
    """Return the sentence on clusters; empty until they are there, or where there are too few samples."""
    found = clustered(session)
    if found is None or found.clusters is None:
        return ""
    label, batch = (None if one is None or one.p >= FOLLOWS else one for one in (found.label, found.batch))
    best = max((one for one in (label, batch) if one is not None), key=lambda one: one.agreement, default=None)
    instead = found.label.column if found.label is not None and best is not None and best is batch else None
    one = found.clusters
    return clusters_said(
        one.count,
        silhouette=one.silhouette,
        clear=one.clear,
        follows=None if best is None else escape(best.column),
        instead=None if instead is None else escape(instead),
    )


def _neighbours_said(session: Session, *, alone: bool) -> str:
    """Say how many samples have their nearest neighbour in their group."""
    label = session.grouping
    if session.continuous:
        return _numbers_said(session, alone=alone)
    if label is None:
        return "<b>No groups are known</b>, so only the map can speak." if alone else "No groups are known."
    groups, who = session.embedding.samples[label], session.group
    apart = session.embedding.samples[who] if who else None
    deal = {"permutations": 399, "seed": session.choices.seed}
    make = partial(label_agreement, surveyed(session).distances, groups, apart, **deal)
    found = session.derived("agreement", make, session.choices.part, label, who)
    count = f"{found.same} of {found.count} samples have their nearest neighbour in the same {escape(label)} group"
    chance = f"(by chance {found.expected:.0f})"
    if not found.count:  # every sample is of the same patient
        return f"All samples are of one {escape(who)}: none is left to be a neighbour." if who else ""
    if not alone:
        return f"{count} {chance}."
    if found.p < FOLLOWS:
        return f"<b>Like samples share a group</b>: {count} {chance}."
    return f"<b>The groups do not show as neighbours</b>: {count} {chance}."


def _unlike_said(session: Session) -> str:
    """Name the samples that are unlike everyone else."""
    found = unlike(session)
    if not found:
        return ""
    names = ", ".join(f"<b>{escape(name)}</b>" for name in found[:MOST_LISTED])
    more = f" and {len(found) - MOST_LISTED} more" if len(found) > MOST_LISTED else ""
    verb = "is" if len(found) == 1 else "are"
    return f" {names}{more} {verb} unlike everyone else; look at the cells before trusting any average."


# ---- pictures ----------------------------------------------------------------------------------------------------


def beside_map(session: Session, page: Page) -> object:
    """Return what stands beside the map."""
    if session.choices.beside_map == BICLUSTERS:
        depends = ("part", "biclusters", "colour")
        plot = page.plot(lambda: _biclusters(session), *depends)
        foot = page.html(lambda: _biclusters_words(session), *depends)
        return picture(headline("Biclusters", "samples × markers of regions"), plot, foot)
    plot = page.shaped(lambda: _pairs(session), "colour", "part", "clusters", "survey", shape=1)
    foot = page.html(lambda: _pairs_ramp(session), "part", "survey")
    return picture(headline("Every pair", "ordered by cluster"), plot, foot)


def _colours(session: Session) -> list[str]:
    """Return the colour of each sample's group or number, grey where there is none."""
    theme = session.choices.theme
    grey = TOKENS[theme]["faint"]
    if not session.colour:
        return [grey] * len(session.embedding.samples)
    groups = categories(session)
    if groups is None:
        scale, ranks = graded(theme), ranked(session.embedding.samples[session.colour])
        return [grey if np.isnan(rank) else scale[round(rank * (len(scale) - 1))] for rank in ranks]
    palette = group_colours(groups, theme)
    return [palette.get(value, grey) for value in session.texts(session.colour)]


def _numbers_said(session: Session, *, alone: bool) -> str:
    """Say how near the number of a sample is to that of its nearest neighbour."""
    label, who = session.label, session.group
    apart = session.embedding.samples[who] if who else None
    deal = {"permutations": 399, "seed": session.choices.seed}
    make = partial(value_closeness, surveyed(session).distances, session.embedding.samples[label], apart, **deal)
    found = session.derived("closeness", make, session.choices.part, label, who)
    if not found.count:
        return "No two samples with a number can be compared."
    count = (
        f"nearest neighbours are {found.apart:.1f} ranks of {escape(label)} apart (by chance {found.by_chance:.1f}, of "
        f"{found.count})"
    )
    if not alone:
        return f"{count[0].upper()}{count[1:]}."
    shows = f"Like samples have a like {escape(label)}" if found.p < FOLLOWS else f"{escape(label)} does not show"
    return f"<b>{shows}</b>: {count}."


def _pairs(session: Session) -> object:
    """Return the table of every pair, a line between clusters."""
    survey, theme = surveyed(session), session.choices.theme
    if survey is None:
        return nothing(under_way(session), theme)
    found = clustered(session)
    one = None if found is None else found.clusters
    labels = one.labels if one is not None and (one.clear or one.chosen_by == "given") else None
    return pairs_table(survey.distances, survey.order, _colours(session), theme=theme, clusters=labels)


def _pairs_ramp(session: Session) -> str:
    """Return what the colours of the table of every pair mean."""
    survey = surveyed(session)
    if survey is None:
        return ""
    return ramp(sequential(session.choices.theme)[::-1], "0", f"{farthest(survey.distances):.2g} LOT")


def _biclusters(session: Session) -> object:
    """Return samples × markers of regions in their blocks."""
    theme = session.choices.theme
    columns = len(session.derived_regions.names) * len(session.embedding.markers)
    if not possible(session.embedding, columns):
        return nothing(f"Biclusters need at least {LEAST_SAMPLES} samples and {LEAST_COLUMNS} columns.", theme)
    found = biclustered(session)
    if found is None:
        return nothing(_waiting(session), theme)
    orders, labels = (found.row_order, found.column_order), (found.rows, found.columns)
    return bicluster_map(found.values, orders=orders, clusters=labels, colours=_colours(session), theme=theme)


def _biclusters_words(session: Session) -> str:
    """Say how much the blocks explain, and what sets the last samples apart."""
    columns = len(session.derived_regions.names) * len(session.embedding.markers)
    found = biclustered(session) if possible(session.embedding, columns) else None
    if found is None:
        return ""
    end = int(np.argmax([np.square(block).sum() for block in found.blocks]))
    means = found.values[found.rows == end].mean(axis=0)
    names = [(region, session.word(marker)) for region in session.regions.names for marker in session.embedding.markers]
    loudest = [(*names[column], float(means[column])) for column in np.argsort(-np.abs(means), kind="stable")[:2]]
    extreme = end in (0, len(found.blocks) - 1)
    said = biclusters_said(
        found.blocks.shape,
        explained=found.explained,
        by_chance=found.by_chance,
        p=found.p,
        loudest=[f"{one} sd" for one in changes_said(loudest)] if extreme else [],
        row=end,
    )
    colours = ramp(carrying(session.choices.theme), "lower", "higher than the mean")
    return f'{colours}<div class="said">{escape(said)}</div>'


def _waiting(session: Session) -> str:
    return "Looking for biclusters …" if session.aside.job is not None else "Not found: stopped, or see above."


# ---- the drawer --------------------------------------------------------------------------------------------------


def cluster_controls(session: Session, page: Page) -> list[object]:
    """Return the number of clusters, and how steady they are."""
    depends = ("part", "clusters", "survey")
    words = page.html(lambda: f'<div class="drawer-note" role="status">{_steady(session)}</div>', *depends)
    return [section("Clusters"), select(session.choices, "clusters", "Number of clusters"), words]


def _steady(session: Session) -> str:
    """Say how often the clusters are found again, and how far they agree with the columns."""
    found = clustered(session)
    if found is None:
        return "Being looked for." if session.aside.job is not None else "Not looked for: stopped, or see above."
    one = found.clusters
    if one is None:
        return "Too few samples for clusters."
    chosen = "as chosen" if one.chosen_by == "given" else "at best"
    kind = "clusters" if one.clear else f"{chosen}, not clear"
    said = f"{one.count} {kind}. Drawn again {one.resamples} times without a fifth of the samples: {one.steady:.2f}."
    columns = [
        f"{escape(each.column)} {each.agreement:.2f} ({probability(each.p)})"
        for each in (found.label, found.batch)
        if each is not None
    ]
    agree = f" Agreement with {', '.join(columns)}." if columns else ""
    return f"{said}{agree} 1 is the same, 0 is chance.".replace("-0.", "−0.")
