"""The spillover matrix of a file: found under all its names, applied once, or not applied and said why."""

from __future__ import annotations

import numpy as np
import pytest

from lotviz.data import CohortError, read_cohort

from .fcs_builder import fcs_bytes, opened

NAMES = ["FSC-A", "FITC-A", "PE-A", "APC-A"]
MATRIX = np.array([[1, 0.2, 0.01], [0.05, 1, 0.1], [0.0, 0.03, 1]])
TEXT = "3,FITC-A,PE-A,APC-A," + ",".join(map(str, MATRIX.ravel()))


@pytest.fixture
def light():
    """Light of each dye (n, 3), and what the detectors see of it beside scatter (n, 4)."""
    dyes = np.random.default_rng(0).exponential(1000, (5000, 3))
    return dyes, np.column_stack([np.arange(5000.0), dyes @ MATRIX]).astype(np.float32)


@pytest.mark.parametrize("keyword", ["$SPILLOVER", "SPILLOVER", "SPILL", "$SPILL", "$spillover", "spill"])
def test_compensation_recovers_the_dyes_once(tmp_path, light, keyword):
    dyes, seen = light
    file = opened(tmp_path, fcs_bytes(seen, names=NAMES, more={keyword: TEXT}))
    assert file.spillover.applied
    assert file.spillover.channels == ("FITC-A", "PE-A", "APC-A")
    np.testing.assert_array_equal(file.spillover.matrix, MATRIX)
    assert not file.spillover.matrix.flags.writeable
    for _ in range(2):
        np.testing.assert_allclose(file.read(NAMES), np.column_stack([seen[:, 0], dyes]), rtol=1e-5, atol=2e-3)
    assert file.notes == (
        (
            "had its spillover matrix of 3 channels applied",
            "Choose not to compensate: then the values are used as stored.",
        ),
    )


@pytest.mark.parametrize("chosen", [("PE-A",), ("APC-A", "FSC-A"), ("FSC-A",), ("APC-A", "FITC-A")])
def test_a_few_markers_are_compensated_with_all_channels(tmp_path, light, chosen):
    file = opened(tmp_path, fcs_bytes(light[1], names=NAMES, more={"SPILL": TEXT}))
    columns = [NAMES.index(name) for name in chosen]
    np.testing.assert_array_equal(file.read(chosen), file.read(tuple(NAMES))[:, columns])


def test_order_of_the_matrix_is_its_own(tmp_path, light):
    dyes, seen = light
    turned = MATRIX[::-1, ::-1]
    text = "3,APC-A,PE-A,FITC-A," + ",".join(map(str, turned.ravel()))
    file = opened(tmp_path, fcs_bytes(seen, names=NAMES, more={"$SPILLOVER": text}))
    np.testing.assert_allclose(file.read(tuple(NAMES))[:, 1:], dyes, rtol=1e-5, atol=2e-3)


def test_linear_units_come_first(tmp_path):
    more = {"$P1E": "4,1", "$P1R": 1024, "$P2G": 2, "SPILL": "2,a,b,1,0.5,0,1"}
    file = opened(tmp_path, fcs_bytes([[512, 160]], names=["a", "b"], kind="I", more=more))
    np.testing.assert_allclose(file.read(("a", "b")), [[100, 80 - 50]])


def test_by_stain_and_by_number(tmp_path, light):
    dyes, seen = light
    by_number = TEXT.replace("FITC-A,PE-A,APC-A", "2,3,4")
    by_stain = TEXT.replace("FITC-A,PE-A,APC-A", "CD3,CD4,CD8")
    for text in (by_number, by_stain):
        content = fcs_bytes(seen, names=NAMES, stains=["", "CD3", "CD4", "CD8"], more={"$SPILLOVER": text})
        file = opened(tmp_path, content)
        np.testing.assert_allclose(file.read(file.markers)[:, 1:], dyes, rtol=1e-5, atol=2e-3)


@pytest.mark.parametrize("end", ["", ","])
def test_decimal_commas_are_read_where_every_number_has_one(tmp_path, light, end):
    dyes, seen = light
    text = "3,FITC-A,PE-A,APC-A," + ",".join(f"{share:.2f}".replace(".", ",") for share in MATRIX.ravel()) + end
    file = opened(tmp_path, fcs_bytes(seen, names=NAMES, more={"SPILL": text}))
    np.testing.assert_array_equal(file.spillover.matrix, MATRIX)
    np.testing.assert_allclose(file.read(tuple(NAMES))[:, 1:], dyes, rtol=1e-5, atol=2e-3)
    # 1,0,2 may be 1 and 0.2 or 1.0 and 2: as stored, and said
    file = opened(tmp_path, fcs_bytes(seen, names=NAMES, more={"SPILL": text.replace("1,00", "1")}))
    assert file.spillover is None
    assert "was not applied because of 18 names and values where 12 are needed" in file.notes[0][0]


def test_decimal_commas_of_the_older_keywords(tmp_path, light):
    whole = np.eye(4)
    whole[1:, 1:] = MATRIX
    text = "4," + ",".join(f"{share:.2f}".replace(".", ",") for share in whole.ravel())
    file = opened(tmp_path, fcs_bytes(light[1], names=NAMES, more={"$COMP": text}))
    np.testing.assert_array_equal(file.spillover.matrix, whole)
    file = opened(tmp_path, fcs_bytes(light[1], names=NAMES, version="2.0", more={"$DFC2TO3": "2,5"}))
    np.testing.assert_array_equal(file.spillover.matrix, [[1, 0.025], [0, 1]])


def test_comp_of_fcs_3_0_is_about_all_channels(tmp_path, light):
    dyes, seen = light
    whole = np.eye(4)
    whole[1:, 1:] = MATRIX
    file = opened(tmp_path, fcs_bytes(seen, names=NAMES, more={"$COMP": "4," + ",".join(map(str, whole.ravel()))}))
    np.testing.assert_allclose(file.read(tuple(NAMES))[:, 1:], dyes, rtol=1e-5, atol=2e-3)


def test_percentages_of_fcs_2_0_are_about_fluorescence_detectors(tmp_path, light):
    dyes, seen = light
    shares = {
        f"$DFC{dye + 1}TO{detector + 1}": 100 * MATRIX[dye, detector] for dye in range(3) for detector in range(3)
    }
    names = ["FS INT LIN", "FL1 INT LIN", "FL2 INT LIN", "FL3 INT LIN"]
    file = opened(tmp_path, fcs_bytes(seen, names=names, version="2.0", more=shares))
    assert (file.spillover.keyword, file.spillover.channels) == ("$DFC", tuple(names[1:]))
    np.testing.assert_allclose(file.read(tuple(names))[:, 1:], dyes, rtol=1e-5, atol=2e-3)
    file = opened(tmp_path, fcs_bytes(seen, names=NAMES, version="2.0", more={"$DFC2TO3": 50, "$DFC3TO2": 0}))
    assert file.spillover.channels == ("FITC-A", "PE-A")
    names[3] = "FL2 INT LOG"
    file = opened(tmp_path, fcs_bytes(seen, names=names, version="2.0", more=shares))
    assert file.spillover is None
    assert "2 channels of detector 2 where one is needed" in file.notes[0][0]
    assert opened(tmp_path, fcs_bytes(seen, names=names, more={"$DFC1TO2": "0.0"})).notes == ()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (TEXT[:-4], "11 names and values where 12 are needed for 3 channels"),
        (TEXT + ",1", "13 names and values where 12 are needed for 3 channels"),
        ("x,a,b", "2 names and values where 0 are needed"),
        ("99999,a,b", "2 names and values where"),
        ("999999999999999,a,b", "2 names and values where 0"),
        (TEXT.replace("PE-A", "BV421-A"), r"names that are not channels of the file \(BV421-A\)"),
        (TEXT.replace("PE-A", "APC-A"), "channels named twice"),
        ("2,PE-A,APC-A,1,1,1,1", "a singular matrix"),
        ("2,PE-A,APC-A,0,0,0,0", "a singular matrix"),
        ("2,PE-A,APC-A,1,x,0,1", "values that are not numbers"),
        ("2,PE-A,APC-A,1,nan,0,1", "values that are not numbers of a sensible size"),
        ("2,PE-A,APC-A,1,1e300,0,1", "values that are not numbers of a sensible size"),
    ],
)
def test_a_matrix_that_cannot_be_applied_is_said_and_not_applied(tmp_path, light, text, found):
    content = fcs_bytes(light[1], names=NAMES, more={"$SPILLOVER": text})
    file = opened(tmp_path, content)
    assert file.spillover is None
    np.testing.assert_array_equal(file.read(tuple(NAMES)), light[1])
    with pytest.raises(CohortError, match=f"found in .SPILLOVER {found}.*Choose not to compensate"):
        opened(tmp_path, content, compensate=True)
    assert file.notes[0][0].startswith("carries a spillover matrix ($SPILLOVER) that was not applied because of ")


@pytest.mark.parametrize("form", ["Comp-{}", "<{}>", "comp_{}"])
@pytest.mark.parametrize("renamed", [True, False])
def test_compensated_values_are_not_compensated_again(tmp_path, light, form, renamed):
    names = ["FSC-A", *(form.format(name) for name in NAMES[1:])]
    text = TEXT.replace("FITC-A,PE-A,APC-A", ",".join(names[1:])) if renamed else TEXT
    content = fcs_bytes(light[1], names=names, more={"SPILL": text})
    file = opened(tmp_path, content)
    np.testing.assert_array_equal(file.read(file.markers), light[1])
    assert "named as compensated" in file.notes[0][0]
    if renamed:
        assert opened(tmp_path, content, compensate=True).spillover.applied


def test_the_choice_is_the_users(tmp_path, light):
    file = opened(tmp_path, fcs_bytes(light[1], names=NAMES, more={"SPILL": TEXT}), compensate=False)
    np.testing.assert_array_equal(file.read(tuple(NAMES)), light[1])
    assert file.notes == (
        (
            "carries a spillover matrix of 3 channels that was not applied because that was the choice",
            "Choose to compensate: then it is applied.",
        ),
    )
    with pytest.raises(CohortError, match="found none in the file"):
        opened(tmp_path, fcs_bytes(light[1], names=NAMES), compensate=True)


def test_an_identity_says_nothing(tmp_path, light):
    for compensate in (None, True, False):
        content = fcs_bytes(light[1], names=NAMES, more={"SPILL": "2,PE-A,APC-A,1,0,0,1"})
        file = opened(tmp_path, content, compensate=compensate)
        np.testing.assert_allclose(file.read(tuple(NAMES)), light[1])
        assert file.notes == ()


def test_the_cohort_says_it_in_a_sentence(tmp_path, light):
    (tmp_path / "a.fcs").write_bytes(fcs_bytes(light[1], names=NAMES, more={"SPILL": TEXT}))
    (tmp_path / "sheet.csv").write_text("sample,file\nA,a.fcs\n")
    said = [str(problem) for problem in read_cohort(tmp_path).problems if "spillover" in problem.what]
    assert said == [
        "a.fcs: The file had its spillover matrix of 3 channels applied. "
        "Choose not to compensate: then the values are used as stored."
    ]


def test_the_cohort_remembers_whether_its_values_are_compensated(tmp_path, light):
    for name in ("a", "b"):
        (tmp_path / f"{name}.fcs").write_bytes(fcs_bytes(light[1], names=NAMES, more={"SPILL": TEXT}))
    (tmp_path / "sheet.csv").write_text("sample,file\nA,a.fcs\nB,b.fcs\n")
    assert read_cohort(tmp_path).compensated is True
    assert read_cohort(tmp_path, compensate=False, rename={"PE-A": "CD3"}).compensated is False
    (tmp_path / "b.fcs").write_bytes(fcs_bytes(light[1], names=NAMES))
    assert read_cohort(tmp_path).compensated is True  # the other file has no matrix
    unusable = TEXT.replace("PE-A", "PE-Cy7-A")
    (tmp_path / "b.fcs").write_bytes(fcs_bytes(light[1], names=NAMES, more={"SPILL": unusable}))
    assert read_cohort(tmp_path).compensated is None, "one of the two is not"
    (tmp_path / "a.fcs").write_bytes(fcs_bytes(light[1], names=NAMES, more={"SPILL": unusable}))
    assert read_cohort(tmp_path).compensated is False
    for name in ("a", "b"):
        (tmp_path / f"{name}.fcs").write_bytes(fcs_bytes(light[1], names=NAMES))
    assert read_cohort(tmp_path).compensated is None
    done = [NAMES[0], *(f"Comp-{name}" for name in NAMES[1:])]
    text = TEXT.replace("FITC-A,PE-A,APC-A", ",".join(done[1:]))
    assert opened(tmp_path, fcs_bytes(light[1], names=done, more={"SPILL": text})).spillover.compensated
