from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lotviz.data import CohortError, read_cohort
from lotviz.data.markers import instrument_of, short_names
from lotviz.data.renaming import alike_name, channel_problems, look_alikes, look_alikes_said, stain_of


@pytest.mark.parametrize(
    "names",
    [
        ("CD8a", "CD 8A", "cd-8a", "CD8a-A", "cd8_a", "CD8a ", "146Nd_CD8a", "Nd146Di_CD8a", "CD8a(Nd146)Dd"),
        ("TCRgd", "TCR gd", "tcr-GD"),
        ("TCRγδ", "TCR gamma-delta", "TCR Gamma/Delta-H"),
        ("TNFα", "TNF-alpha", "TNF alpha"),
        ("CD16.32", "CD16/32", "CD16-32"),
        ("HLA-DR", "HLADR", "hla dr"),
    ],
)
def test_spellings_of_one_marker_are_alike(names):
    assert len({alike_name(name) for name in names}) == 1


@pytest.mark.parametrize(
    "names",
    [
        ("CD8a", "CD8b"),
        ("CD4", "CD44"),
        ("HLA-A", "HLA-DR"),
        ("Ki67", "Ki-76"),
        ("Ly6G", "Ly6C"),
        ("FITC", "PE"),
        ("B220", "CD4"),
    ],
)
def test_different_markers_stay_different(names):
    assert alike_name(names[0]) != alike_name(names[1])


@pytest.mark.parametrize(
    "name", ["FITC-CD4", "CD4 PE", "CD4-APC-Cy7-A", "CD4 BV421-A", "PerCP-Cy5.5 CD4", "Alexa Fluor 700-CD4", "CD4"]
)
def test_the_stain_is_found_beside_its_dye(name):
    assert stain_of(name) == "cd4"


@pytest.mark.parametrize("name", ["FITC", "PE-Cy7-A", "BV421", "APC-H7-A"])
def test_a_dye_alone_is_no_stain(name):
    assert stain_of(name) == ""


def test_the_name_of_most_files_is_kept_and_names_of_one_file_are_two_markers():
    own = {"a": ["CD8a", "CD4"], "b": ["CD 8A", "CD4"], "c": ["CD8a", "CD4"]}
    assert look_alikes(own) == [("CD8a", "CD 8A", False)]
    assert look_alikes({"a": ["pERK", "p-ERK"], "b": ["x"]}) == []
    assert look_alikes({"a": ["FITC-A", "x"], "b": ["PE-A", "x"]}) == []
    assert look_alikes_said({"a": ["FITC-CD3"], "b": ["PE-CD3"]}) == (
        "FITC-CD3 and PE-CD3 look like the same marker on another dye, whose brightness is not comparable: "
        "rename PE-CD3 to FITC-CD3."
    )


def test_area_and_height_of_a_pulse_are_not_joined_without_a_word():
    text = look_alikes_said({"a": ["CD4-A"], "b": ["CD4-H"]})
    assert text.startswith("CD4-A and CD4-H look like the same marker, but -A and -H measure a pulse differently: ")
    assert "pulse" not in look_alikes_said({"a": ["CD4-A"], "b": ["CD4"]})


def test_stains_and_channels_that_moved_are_named():
    problems = channel_problems(
        {"a.fcs": {"CD4": "FITC-A", "CD3": "PE-A", "APC-A": "APC-A"}, "b.fcs": {"CD4": "PE-A", "CD8": "FITC-A"}},
        "s.csv",
    )
    moved, changed = (str(problem) for problem in problems)
    assert "on different channels in different files: CD4 (FITC-A in a.fcs; PE-A in b.fcs)" in moved
    assert "brightness is not comparable" in moved
    assert "different stains in different files: FITC-A (CD4 in a.fcs; CD8 in b.fcs), PE-A (" in changed
    assert channel_problems({"a": {"CD4": "FITC-A"}, "b": {"CD4": "FITC-A"}}, "s.csv") == []


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["Time", "Event_length", "Nd145Di", "Ir191Di"], "mass"),
        (["141Pr_CD3", "142Nd_CD4"], "mass"),
        (["CD3(110:114)Dd", "Cell_length", "CD4(Nd145)Dd"], "mass"),
        (["FSC-A", "SSC-A", "CD4"], "flow"),
        (["FL1-H", "FL2-H"], "flow"),
        (["CD4 BV421", "CD8 PE-Cy7"], "flow"),
        (["CD57 V450-PB-H", "CD25 V763-H"], "flow"),
        (["CD3", "CD4", "Ki67", "Ly49", "B220", "HLA-A", "HLA-DR"], "unknown"),
        (["ACTB", "GAPDH", "PE", "CD4"], "unknown"),
        (["FSC-A", "SSC-A", "Nd145Di", "Nd146Di"], "unknown"),
        ([], "unknown"),
    ],
)
def test_the_instrument_is_known_by_its_channels(names, kind):
    assert instrument_of(names) == kind


@pytest.fixture
def sheet(tmp_path):
    """Three files of one panel, spelt in three ways."""
    rng = np.random.default_rng(0)
    spellings = {"a": ["CD3", "CD8a", "CD4"], "b": ["CD4", "CD3", "CD 8A"], "c": ["CD3", "CD8a", "CD4"]}
    for name, columns in spellings.items():
        values = pd.DataFrame(rng.lognormal(4, 1, (150, 3)).round(2), columns=sorted(columns))
        values[columns].to_csv(tmp_path / f"{name}.csv", index=False)
    rows = "".join(f"{name},{name}.csv\n" for name in spellings)
    (tmp_path / "sheet.csv").write_text("sample,file\n" + rows, encoding="utf-8")
    return tmp_path / "sheet.csv"


def test_a_spelling_is_proposed_and_the_proposal_works(sheet):
    plain = read_cohort(sheet)
    assert plain.markers == ("CD3", "CD4")
    said = next(problem for problem in plain.problems if "in every file and used" in problem.what)
    assert "CD8a and CD 8A look like the same marker: rename CD 8A to CD8a." in said.fix
    renamed = read_cohort(sheet, rename={"CD 8A": "CD8a"})
    assert renamed.markers == ("CD3", "CD8a", "CD4")
    table = pd.read_csv(sheet.parent / "b.csv")
    np.testing.assert_allclose(renamed.raw("b"), table[["CD3", "CD 8A", "CD4"]].to_numpy(), rtol=1e-6)
    assert not [problem for problem in renamed.problems if "in every file" in problem.what]


def test_new_names_are_used_everywhere(sheet):
    cohort = read_cohort(
        sheet, rename={"CD 8A": "killer", "CD8a": "killer"}, markers=["killer"], transform={"killer": "log1p"}
    )
    np.testing.assert_allclose(cohort.raw("a")[:, 0], pd.read_csv(sheet.parent / "a.csv")["CD8a"].to_numpy(), rtol=1e-6)


def refused(path, **options):
    with pytest.raises(CohortError) as error:
        read_cohort(path, **options)
    return str(error.value)


def test_what_cannot_be_renamed_is_named(sheet):
    assert "Expected a channel to rename, found CD8A. Did you mean CD8a" in refused(sheet, rename={"CD8A": "x"})
    assert "Expected a new name for CD3, found none." in refused(sheet, rename={"CD3": " "})
    text = refused(sheet, rename={"CD4": "CD3"})
    assert "a.csv: Expected one channel for the name CD3, found 2: CD3, CD4. Rename only one of them" in text
    assert "b.csv" in text
    swapped = read_cohort(sheet, rename={"CD4": "CD3", "CD3": "CD4"}, markers=["CD3"])
    np.testing.assert_allclose(swapped.raw("a")[:, 0], pd.read_csv(sheet.parent / "a.csv")["CD4"], rtol=1e-6)


@pytest.mark.parametrize("form", ["parquet", "h5ad"])
def test_the_markers_of_one_table_are_renamed(tiny, folder, form):
    path = folder(form)
    old = tiny.markers[1]
    cohort = read_cohort(path, rename={old: "other"})
    assert cohort.markers == tuple("other" if name == old else name for name in tiny.markers)
    name = tiny.samples.index[0]
    np.testing.assert_array_equal(cohort.raw(name), read_cohort(path).raw(name))
    assert "Expected a channel to rename, found nothing_like_it" in refused(path, rename={"nothing_like_it": "x"})
    assert "Expected one channel for the name" in refused(path, rename={old: tiny.markers[0]})
    left = read_cohort(path, rename={old: "Time"})
    assert "Time" not in left.markers
    assert "time: Time" in str(left.problems)


def test_fcs_files_with_a_stain_on_other_channels(tmp_path):
    import flowio

    rng = np.random.default_rng(0)
    panels = {"a": {"FITC-A": "CD4", "PE-A": "CD3"}, "b": {"FITC-A": "CD3", "PE-A": "CD4"}}
    for name, panel in panels.items():
        with (tmp_path / f"{name}.fcs").open("wb") as file:
            values = rng.lognormal(5, 1, 300).astype(np.float32)
            flowio.create_fcs(file, values.tolist(), list(panel), opt_channel_names=list(panel.values()))
    (tmp_path / "sheet.csv").write_text("sample,file\na,a.fcs\nb,b.fcs\n", encoding="utf-8")
    cohort = read_cohort(tmp_path / "sheet.csv")
    assert cohort.markers == ("CD4", "CD3")
    text = " ".join(map(str, cohort.problems))
    assert "CD4 (FITC-A in a.fcs; PE-A in b.fcs)" in text
    assert "FITC-A (CD4 in a.fcs; CD3 in b.fcs)" in text
    assert cohort.transform.cofactor == 150
    renamed = read_cohort(tmp_path / "sheet.csv", rename={"CD4": "helper"})
    assert "helper (FITC-A in a.fcs; PE-A in b.fcs)" in " ".join(map(str, renamed.problems))


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("CD57 V450-PB-H", "CD57"),
        ("HLA-DR UV675-H", "HLA-DR"),
        ("CD4 R660-APC-H", "CD4"),
        ("CD4 FITC", "CD4"),
        ("CD8 PE-Cy7-A", "CD8"),
        ("CD8 PE Cy7", "CD8"),
        ("CD3 APC H7", "CD3"),
        ("CD3 BUV395-A", "CD3"),
        ("CD3 BV 421", "CD3"),
        ("CD4 Nd145", "CD4"),
        ("CD19 Alexa Fluor 700-A", "CD19"),
        ("CD19 Pacific Blue-A", "CD19"),
        ("CD19 PerCP-Cy5.5-A", "CD19"),
        *(
            (name, name)
            for name in ("HLA DR", "Granzyme B", "TCR gd", "TCR Va7.2", "IL 2", "Ki 67", "PD 1", "CD8 T", "Anti CD123")
        ),
        *((name, name) for name in ("Alexa Fluor 700-A", "Pacific Blue-A", "Texas Red-A", "Super Bright 436", "GFP")),
        *((name, name) for name in ("CD45 (FL7-A)", "PE")),
    ],
)
def test_only_a_detector_or_a_dye_is_left_out_of_a_name(name, short):
    assert short_names([name, "other"]) == (short, "other")
    assert short_names([name, f"{short} FITC"]) == (name, f"{short} FITC")  # they would not be told apart


def test_blanks_at_the_end_of_a_name_are_made_visible(tmp_path):
    for name, marker in (("a", "CD8"), ("b", "CD8 "), ("c", "CD8")):
        table = pd.DataFrame({"CD3": [1.5] * 120, marker: [2.5] * 120})
        table.to_parquet(tmp_path / f"{name}.parquet")
    (tmp_path / "sheet.csv").write_text("sample,file\n" + "".join(f"{n},{n}.parquet\n" for n in "abc"))
    with pytest.raises(CohortError, match='CD8 and "CD8 " look like the same marker: rename "CD8 " to CD8'):
        read_cohort(tmp_path / "sheet.csv")
    renamed = read_cohort(tmp_path / "sheet.csv", rename={"CD8 ": "CD8"})
    assert renamed.markers == ("CD3", "CD8")
    assert read_cohort(tmp_path / "sheet.csv", rename={" CD3 ": "CD3e", "CD8 ": "CD8"}).markers == ("CD3e", "CD8")
