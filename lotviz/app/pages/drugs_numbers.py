"""The numbers of the Drugs page: shares, departures by marker and region, one readout, and every line by itself."""

from __future__ import annotations

from functools import partial
from html import escape

import numpy as np
import pandas as pd

from lotviz.analysis.drug_views import expected_levels
from lotviz.app.choices import BY_MARKER, MOST_CHANGED, NONE, SHARE
from lotviz.app.frame import Page, badge, headline, key, legend, picture
from lotviz.app.pages.drugs_study import (
    answered,
    by_line,
    counted_table,
    counts_populations,
    line_name,
    marker_name,
    readout_of,
    region_name,
    shown_region,
)
from lotviz.app.session import Session
from lotviz.views.interaction import by_line as line_rows
from lotviz.views.interaction import departures, interval, predicted_and_seen, readout_levels
from lotviz.views.said_of_drugs import barycenter_said, departures_said, lines_said
from lotviz.views.said_of_patients import probability
from lotviz.views.streams import on_tap
from lotviz.views.style import signed
from lotviz.views.tables import shift_table

MOST_ROWS = 10  # populations or regions
MOST_MARKERS = 12
CHOSEN = ("region", "marker", "population", "names")


# ---- shares ------------------------------------------------------------------------------------------------------


def shares_picture(session: Session, page: Page) -> object:
    """Return the shares that additivity predicts beside those that were seen."""
    head = page.html(lambda: _shares_head(session), "counted", "names")
    plot = page.plot(lambda: _shares(session), "counted", *CHOSEN)
    foot = page.html(lambda: f'<div class="said">{escape(_shares_said(session))}</div>', "counted", "names")
    return picture(head, plot, foot)


def _shares_head(session: Session) -> str:
    title = "Populations" if counts_populations(session) else "Regions"
    marks = legend(key("predicted", "var(--lv-accent)", "ring"), key("seen", "var(--lv-ink)"))
    return headline(title, "", marks)


def _shown_shares(session: Session) -> pd.DataFrame:
    """Return the rows that are drawn: those that depart most, then the others by size."""
    table = counted_table(session)
    gap = (table["observed"] - table["predicted"]).abs().to_numpy()
    order = np.lexsort((-gap, table["adjusted_p"].fillna(1.0).to_numpy()))
    return table.iloc[order].head(MOST_ROWS)


def _share_name(session: Session, name: str) -> str:
    return name if counts_populations(session) else shown_region(session, name)


def _shares(session: Session) -> object:
    table, level = _shown_shares(session), answered(session).found.level
    names = [_share_name(session, str(name)) for name in table["region"]]
    chosen = session.choices.population if counts_populations(session) else region_name(session)
    place = list(table["region"]).index(chosen) if chosen in set(table["region"]) else None
    drawn, bands = predicted_and_seen(
        names,
        100 * table["predicted"].to_numpy(),
        100 * table["observed"].to_numpy(),
        ratios=np.exp(table[["log_ratio", "low", "high"]].to_numpy(dtype=float)),
        clear=table["adjusted_p"].to_numpy() <= 1.0 - level,
        theme=session.choices.theme,
        highlighted=place,
    )
    on_tap(bands, lambda row: _tap_share(session, str(table["region"].iloc[row])))
    return drawn


def _tap_share(session: Session, name: str) -> None:
    if counts_populations(session):
        session.choices.population = NONE if session.choices.population == name else name
    else:
        tap_region(session, name)


def tap_region(session: Session, name: str) -> None:
    """Let a region stand out; the one that does no longer."""
    number = str(session.derived_regions.names.index(name) + 1)
    session.choices.region = NONE if session.choices.region == number else number


def tap_marker(session: Session, name: str) -> None:
    """Let a marker stand out; the one that does no longer."""
    session.choices.marker = MOST_CHANGED if session.choices.marker == name else name


def _shares_said(session: Session) -> str:
    table, level = counted_table(session), answered(session).found.level
    clear = table[table["adjusted_p"] <= 1.0 - level].sort_values("adjusted_p", kind="stable")
    many = f"{len(clear)} of {len(table)} differ, corrected for all"
    if not len(clear):
        return f"Seen over predicted, shares multiplied: {many}."
    row = clear.iloc[0]
    doubt = "" if counts_populations(session) else " Cells whose markers change leave their region."
    return f"{_share_name(session, str(row['region']))}: × {np.exp(row['log_ratio']):.2f}; {many}.{doubt}"


# ---- departures --------------------------------------------------------------------------------------------------


def departures_picture(session: Session, page: Page) -> object:
    """Return the departure from additivity by marker, or by region and marker."""
    depends = ("departs", *CHOSEN)
    head = page.html(lambda: _departures_head(session), *depends)
    foot = page.html(lambda: f'<div class="said">{escape(_departures_said(session))}</div>', *depends)
    return picture(head, page.plot(lambda: _departures(session), *depends), foot)


def departure_table(session: Session) -> pd.DataFrame:
    """Return the departures that are drawn by marker: over all cells, or in the region that stands out."""
    found, region = answered(session).found, region_name(session)
    table = found.by_marker if region is None else found.table[found.table["region"] == region]
    order = np.lexsort((-table["excess"].abs().to_numpy(), table["p"].fillna(1.0).to_numpy()))
    return table.iloc[order]


def _rows(session: Session) -> list[tuple[str, float, float, float, bool]]:
    table, level = departure_table(session), answered(session).found.level
    clear = (table["adjusted_p"] <= 1.0 - level).tolist()
    figures = table[["excess", "low", "high"]].itertuples(index=False)
    words = [session.word(str(name)) for name in table["marker"]]
    return [(word, *map(float, row), sure) for word, row, sure in zip(words, figures, clear, strict=True)]


def _departures_head(session: Session) -> str:
    found, region = answered(session).found, region_name(session)
    total = len(found.markers)
    count = badge(f"{min(MOST_MARKERS, total)} of {total} markers")
    if session.choices.departs != BY_MARKER:
        title = "Departure by region and marker"
        return headline(title, "seen less predicted; pale: may be chance", count, wraps=True)
    where = "all cells" if region is None else escape(shown_region(session, region))
    return headline("Departure by marker", f"{where}; full: clear, corrected for all", count, wraps=True)


def _departures(session: Session) -> object:
    if session.choices.departs != BY_MARKER:
        return _heat(session)
    rows, table = _rows(session)[:MOST_MARKERS], departure_table(session)
    marker = marker_name(session)
    names = list(table["marker"].head(MOST_MARKERS))
    drawn, bands = departures(
        rows,
        theme=session.choices.theme,
        unit=unit_of(session),
        highlighted=names.index(marker) if marker in names else None,
    )
    on_tap(bands, lambda row: tap_marker(session, str(names[row])))
    return drawn


def unit_of(session: Session) -> str:
    """Name the unit of the markers briefly."""
    words = session.embedding.transform.describe()
    return words if len(words) < 24 else "marker units"


def _heat(session: Session) -> object:
    """Return the departures of all regions in the markers that depart most; what may be chance is pale."""
    found, level = answered(session).found, answered(session).found.level
    whole = found.table.set_index(["region", "marker"])
    regions = list(found.regions.names)
    tops = found.table.drop_duplicates("marker")["marker"].head(MOST_MARKERS).tolist()
    markers = [name for name in found.markers if name in tops]
    place = pd.MultiIndex.from_product([regions, markers])
    rows = whole.loc[place]
    shape = (len(regions), len(markers))
    said = [_entry(row) for row in rows.itertuples()]
    region, marker = region_name(session), marker_name(session)
    drawn, cells = shift_table(
        [session.word(name) for name in markers],
        [shown_region(session, name) for name in regions],
        rows["excess"].to_numpy(dtype=float).reshape(shape),
        clear=(rows["adjusted_p"].to_numpy() <= 1.0 - level).reshape(shape),
        said=np.array(said, dtype=object).reshape(shape),
        highlighted=(
            None if region is None else regions.index(region),
            markers.index(marker) if marker in markers else None,
        ),
        theme=session.choices.theme,
    )
    on_tap(cells, lambda cell: _tap_both(session, regions[cell // len(markers)], markers[cell % len(markers)]))
    return drawn


def _entry(row: object) -> str:
    doubt = probability(row.adjusted_p) if np.isfinite(row.adjusted_p) else "no p"
    return f"{interval(row.excess, row.low, row.high)}, {doubt} with all looked at"


def _tap_both(session: Session, region: str, marker: str) -> None:
    number = str(session.derived_regions.names.index(region) + 1)
    same = session.choices.region == number and session.choices.marker == marker
    session.choices.param.update(region=NONE if same else number, marker=MOST_CHANGED if same else marker)


def _departures_said(session: Session) -> str:
    found, region = answered(session).found, region_name(session)
    if session.choices.departs == BY_MARKER and region is None:
        return departures_said(_rows(session), of=len(found.markers), correction=found.correction)
    table = found.table if region is None else departure_table(session)
    names = [f"{session.word(row.marker)} in {shown_region(session, row.region)}" for row in table.itertuples()]
    rows = [
        (name, row.excess, row.low, row.high, row.adjusted_p <= 1.0 - found.level)
        for name, row in zip(names, table.itertuples(), strict=True)
    ]
    where = "" if region is None else f"In {shown_region(session, region)}: "
    said = f"{where}{departures_said(rows, of=len(rows), correction='')}"
    return f"{said} Corrected for all {len(found.table)} by {found.correction}." if found.correction else said


# ---- one readout -------------------------------------------------------------------------------------------------


def readout_picture(session: Session, page: Page) -> object:
    """Return one readout: what was measured, and what three models expect of A+B; below, what is no such test."""
    depends = ("readout", "counted", *CHOSEN)
    head = page.html(lambda: _readout_head(session), *depends)
    foot = page.html(lambda: _readout_foot(session), *depends)
    return picture(head, page.plot(lambda: _readout(session), *depends), foot)


def _readout_head(session: Session) -> str:
    name = readout_of(session).name
    for own, shown in zip(session.derived_regions.names, session.regions.names, strict=True):
        name = name.replace(own, shown)
    return headline(escape(name[:1].upper() + name[1:]))


def _scaled(session: Session) -> float:
    return 100.0 if session.choices.readout == SHARE else 1.0


def _readout(session: Session) -> object:
    one, found, scale = readout_of(session), answered(session).found, _scaled(session)
    expected = expected_levels(one.levels)
    digits = 1 if scale > 1 else 2
    rows, printed = [], []
    for condition in ("control", "a", "b", "both"):
        level = scale * one.levels[condition]
        rows.append((str(getattr(found, condition)), level, True))
        printed.append(f"{level:.{digits}f}".replace("-", "−"))
    words = {"additive": "additive", "bliss": "Bliss", "highest single agent": "highest single"}
    for model, row in one.table.iterrows():
        known = not row["reason"]
        rows.append((words[str(model)], scale * expected[str(model)] if known else np.nan, False))
        size = 1.0 if model == "bliss" else scale
        text = interval(
            *(size * float(row[name]) for name in ("excess", "low", "high")), digits=digits if size > 1 else 2
        )
        printed.append(text if known else "not for this readout")
    unit = f"{'share of cells, %' if scale > 1 else unit_of(session)}; full: seen; hollow: expected"
    return readout_levels(rows, printed=printed, theme=session.choices.theme, unit=unit, zero=scale > 1)


def _readout_foot(session: Session) -> str:
    """Return the signs, and the comparison that is no test of additivity."""
    both = answered(session).found.both
    signs = (
        f"Beside the models: excess of {both}. Additive above 0: higher than expected. Highest single agent above 0: "
        "further than that drug."
    )
    if not readout_of(session).table.loc["bliss", "reason"]:
        signs += " Bliss (fraction of the control) above 0: less is left than expected."
    reasons = [reason for reason in readout_of(session).table["reason"] if reason and "median" not in reason.lower()]
    other = barycenter_said(answered(session).found)
    text = escape(" ".join([signs, *reasons]))
    return f'<div class="said">{text}<br><span style="color:var(--lv-ink3)">{escape(other)}</span></div>'


# ---- every line --------------------------------------------------------------------------------------------------


def lines_pictures(session: Session, page: Page) -> list[object]:
    """Return the departure of every line, as a picture and as a table."""
    head = page.html(lambda: _lines_head(session), *CHOSEN)
    foot = page.html(lambda: f'<div class="said">{escape(_lines_said(session))}</div>', *CHOSEN)
    plot = page.plot(lambda: _lines(session), *CHOSEN)
    table = page.html(lambda: _lines_table(session), *CHOSEN)
    return [picture(head, plot, foot), picture(headline("Every line in numbers"), table)]


def _by(session: Session) -> str:
    region, marker = region_name(session), marker_name(session)
    what = "along what the others share" if marker is None else f"of {session.word(marker)}"
    return what if region is None else f"{what} in {shown_region(session, region)}"


def _one_line(session: Session) -> bool:
    return len(answered(session).found.study.lines) == 1


def _shown_lines(session: Session) -> tuple[list[tuple[str, float, float, float]], list[tuple[str, float]]]:
    """Return lines and their replicates; the replicates alone where there is one line."""
    lines, single = by_line(session)
    if _one_line(session):
        rows = [(str(r.replicate), float(r.departure), np.nan, np.nan) for r in single.itertuples()]
        return rows, [(name, value) for name, value, *_ in rows]
    rows = [(str(r.line), float(r.departure), float(r.low), float(r.high)) for r in lines.itertuples()]
    return rows, [(str(r.line), float(r.departure)) for r in single.itertuples()]


def _lines_head(session: Session) -> str:
    word = "replicate" if _one_line(session) else "line"
    marks = "" if _one_line(session) else legend(key("mean", "var(--lv-accent)"), key("replicate", "var(--lv-ink3)"))
    return headline(f"Every {word}", f"departure {escape(_by(session))}", marks)


def _lines(session: Session) -> object:
    rows, single = _shown_lines(session)
    names, chosen = [row[0] for row in rows], line_name(session)
    unit = unit_of(session) if marker_name(session) is not None else "scaled units"
    drawn, bands = line_rows(
        rows,
        single,
        theme=session.choices.theme,
        unit=f"← against      {unit}      with the others →" if marker_name(session) is None else unit,
        highlighted=names.index(chosen) if chosen in names else None,
    )
    if not _one_line(session):
        on_tap(bands, partial(_tap_line, session, names))
    return drawn


def _tap_line(session: Session, names: list[str], row: int) -> None:
    from lotviz.app.choices import ALL_LINES

    session.choices.culture = ALL_LINES if session.choices.culture == names[row] else names[row]


def _lines_said(session: Session) -> str:
    rows, _single = _shown_lines(session)
    return lines_said([row[:2] for row in rows], unit="replicate" if _one_line(session) else "line")


def _lines_table(session: Session) -> str:
    """Return the figures of every line: its departure, and its product with the others, whose mean is the statistic."""
    found, (rows, _single) = answered(session).found, _shown_lines(session)
    own = found.per_unit.set_index("unit")
    lines = by_line(session)[0].set_index("line")["replicates"]
    body = []
    for name, mean, low, high in rows:
        of = own.loc[name] if name in own.index else None
        count = "" if _one_line(session) else f"<td class='number'>{int(lines[name])}</td>"
        body.append(
            f"<tr><td>{escape(name)}</td>{count}<td class='number'>{interval(mean, low, high)}</td>"
            f"<td class='number'>{signed(float(of['statistic']), 3) if of is not None else ''}</td>"
            f"<td class='number'>{_percent(float(of['along'])) if of is not None else ''}</td></tr>"
        )
    count = "" if _one_line(session) else "<th class='number'>replicates</th>"
    names = f"<th>{'replicate' if _one_line(session) else 'line'}</th>{count}"
    heads = "".join(f"<th class='number'>{head}</th>" for head in ("D", "squared", "of A + B"))
    return (
        f'<div class="scroll"><table><thead><tr>{names}{heads}</tr></thead><tbody>{"".join(body)}</tbody></table>'
        '<div class="said">D as in the picture. Squared: product with the others; the mean is the size in the answer. '
        "Of A + B: how much further A+B goes along the effect of both drugs.</div></div>"
    )


def _percent(value: float) -> str:
    return f"{signed(100 * value, 0)} %" if np.isfinite(value) else ""
