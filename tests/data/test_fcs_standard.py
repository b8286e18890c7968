"""Every way the FCS standard has of storing values and keywords, in files built byte by byte."""

from __future__ import annotations

import re

import flowio
import numpy as np
import pandas as pd
import pytest

from lotviz.data import CohortError, Transform, read_cohort
from lotviz.data.fcs.reader import open_fcs

from .fcs_builder import BEGIN, data_bytes, fcs_bytes, opened

NAMES = ["a", "b", "c"]
ARCSINH = Transform("arcsinh", cofactor=5.0)


@pytest.mark.parametrize("version", ["2.0", "3.0", "3.1", "3.2"])
@pytest.mark.parametrize("order", ["1,2,3,4", "4,3,2,1", "1,2", "2,1", "4, 3, 2, 1"])
@pytest.mark.parametrize("widths", [[1] * 3, [2] * 3, [3] * 3, [4] * 3, [8] * 3, [1, 2, 4], [3, 5, 8], [6, 7, 2]])
def test_integers_of_every_width_and_order(tmp_path, version, order, widths):
    rng = np.random.default_rng(0)
    values = np.column_stack([rng.integers(0, 2 ** min(8 * width, 50), 7000) for width in widths])
    more = {f"$P{number}R": 2 ** (8 * width) for number, width in enumerate(widths, start=1)}
    file = opened(
        tmp_path, fcs_bytes(values, names=NAMES, version=version, kind="I", widths=widths, order=order, more=more)
    )
    np.testing.assert_array_equal(file.read(("c", "a")), values[:, [2, 0]].astype(np.float32))


@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 8])
@pytest.mark.parametrize(("top", "used"), [(1000, 10), (1024, 10), (1025, 11), (16, 4), (17.5, 5), (0, 64)])
def test_bits_above_the_range_are_ignored(tmp_path, width, top, used):
    values = np.random.default_rng(1).integers(0, 2 ** min(8 * width, 62), (50, 3))
    more = {f"$P{number}R": top for number in (1, 2, 3)}
    file = opened(tmp_path, fcs_bytes(values, names=NAMES, kind="I", widths=[width] * 3, more=more))
    kept = values & (2**used - 1) if used < 8 * width else values
    np.testing.assert_array_equal(file.read(file.markers), kept.astype(np.float32))


@pytest.mark.parametrize(("kind", "order"), [("I", "3,4,1,2"), ("I", "2,1,4,3"), ("F", "3,4,1,2"), ("F", "2,1,4,3")])
def test_mixed_byte_orders(tmp_path, kind, order):
    values = np.random.default_rng(2).integers(0, 2**18, (40, 3))
    file = opened(tmp_path, fcs_bytes(values, names=NAMES, kind=kind, widths=[4] * 3, order=order))
    np.testing.assert_array_equal(file.read(file.markers), values)


@pytest.mark.parametrize("order", ["1,2,3,4,5,6,7,8", "8,7,6,5,4,3,2,1", "1,2,3,4", "4,3,2,1"])
def test_doubles_whatever_the_length_of_the_order(tmp_path, order):
    values = np.random.default_rng(3).normal(size=(40, 3))
    file = opened(tmp_path, fcs_bytes(values, names=NAMES, kind="D", order=order))
    np.testing.assert_array_equal(file.read(file.markers), values.astype(np.float32))


def test_text_of_fixed_width(tmp_path):
    values = np.random.default_rng(4).integers(0, 999, (9000, 3))
    file = opened(tmp_path, fcs_bytes(values, names=NAMES, kind="A", widths=[3, 5, 4]))
    np.testing.assert_array_equal(file.read(("c", "b")), values[:, [2, 1]])


@pytest.mark.parametrize("separator", [" ", ",", "\t", "\r\n", ", "])
def test_text_of_free_format(tmp_path, separator):
    values = np.random.default_rng(5).integers(0, 2**18, (30_000, 3))  # more than one block
    data = separator.join(map(str, values.ravel())).encode()
    more = {f"$P{number}B": "*" for number in (1, 2, 3)}
    content = fcs_bytes(values[:, :], names=NAMES, kind="A", widths=[1] * 3, more=more, data=data)
    file = opened(tmp_path, content)
    np.testing.assert_array_equal(file.read(("c", "b")), values[:, [2, 1]])
    assert file.read(("a",))[-1] == values[-1, 0]


def test_text_that_is_no_number_or_too_short(tmp_path):
    more = {f"$P{number}B": "*" for number in (1, 2, 3)}
    for data, found in ((b"1 2 x 4 5 6", "text that is no number"), (b"11 22 33 44", "of the 2 cells")):
        content = fcs_bytes(np.ones((2, 3)), names=NAMES, kind="A", widths=[1] * 3, more=more, data=data)
        with pytest.raises(CohortError, match=found):
            opened(tmp_path, content).read(("a",))


def test_a_data_type_for_each_channel_in_3_2(tmp_path):
    columns = [np.arange(5) * 3, np.arange(5) / 7, np.arange(5) / 9]
    data = b"".join(
        int(i).to_bytes(2, "little") + np.array(f, "<f4").tobytes() + np.array(d, "<f8").tobytes()
        for i, f, d in zip(*columns, strict=True)
    )
    more = {"$P1DATATYPE": "I", "$P1B": 16, "$P3DATATYPE": "D", "$P3B": 64}
    file = opened(tmp_path, fcs_bytes(np.ones((5, 3)), names=NAMES, version="3.2", more=more, data=data))
    np.testing.assert_array_equal(file.read(NAMES), np.column_stack(columns).astype(np.float32))


@pytest.mark.parametrize("order", ["1,2", "2,1"])
@pytest.mark.parametrize("excess", [0, 1])
@pytest.mark.parametrize("bits, width", [(10, 2), (12, 2), (4, 1), (20, 4), (33, 8)])
def test_odd_bits_in_whole_bytes(tmp_path, bits, width, order, excess):
    """What Beckman's FC 500 writes: $PnB 10, values of 16 bits, and something else in the bits above."""
    values = np.random.default_rng(0).integers(0, 2**bits, (50, 3))
    above = np.random.default_rng(1).integers(0, 2, (50, 3)) << bits
    more = {f"$P{number}{letter}": what for number in (1, 2, 3) for letter, what in (("B", bits), ("R", 2**bits))}
    widths = [width] * 3
    content = fcs_bytes(values + above, names=NAMES, kind="I", widths=widths, order=order, more=more, excess=excess)
    file = opened(tmp_path, content)
    np.testing.assert_array_equal(file.read(NAMES), values.astype(np.float32))
    np.testing.assert_array_equal(file.transformed(NAMES, ARCSINH), ARCSINH(values))
    assert [what for what, _ in file.notes] == [
        f"announces integers of {bits} bits; by its size they are stored in {3 * width} bytes a cell, and were read so"
    ]


@pytest.mark.parametrize("without", [(), ("$TOT",)])
@pytest.mark.parametrize("bits", [1, 10, 12, 33])
def test_packed_bits_are_refused_with_their_reason(tmp_path, bits, without):
    data = bytes((40 * 3 * bits + 7) // 8)
    more = {f"$P{number}B": bits for number in (1, 2, 3)}
    content = fcs_bytes(np.ones((40, 3)), names=NAMES, kind="I", more=more, data=data, without=without)
    with pytest.raises(CohortError, match=f"integers of {bits} bits, packed across bytes"):
        opened(tmp_path, content)


def test_odd_bits_without_a_number_of_cells_are_refused(tmp_path):
    content = fcs_bytes(np.ones((40, 3)), names=NAMES, kind="I", more={"$P2B": 10}, without=("$TOT",), version="2.0")
    with pytest.raises(CohortError, match="integers of 10 bits, packed across bytes"):
        opened(tmp_path, content)


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ({"$BYTEORD": "3,4,1,2"}, "byte order 3,4,1,2 for values of 2 bytes"),
        ({"$BYTEORD": "little"}, "byte order 'little'"),
        ({"$P1B": 0}, "integers of 0 bits"),
        ({"$P1B": 72}, "integers of 72 bits"),
        ({"$MODE": "C"}, r"found one of histograms \(mode C\). Export the list-mode data"),
        ({"$TOT": 10**12}, "room for 5 of the 1000000000000 cells"),
        ({"$TOT": 6}, "room for 5 of the 6 cells"),
        ({"$TOT": -1}, "room for 5 of the -1 cells"),
        ({"$TOT": 0}, "0 cells announced and data of 5 cells"),
        ({"$PAR": 10**6}, "no channel 4 of the 1000000 it announces"),
        ({"$PAR": 0}, "0 channels"),
        ({"$P1E": "4"}, "P1E 4"),
        ({"$P1G": "x"}, r"\$P1G 'x', which is not a number"),
        ({"$P2E": "4,1", "$P2R": 0}, "a logarithmic channel b of range 0"),
    ],
)
def test_what_cannot_be_right_is_refused_with_its_reason(tmp_path, more, found):
    with pytest.raises(CohortError, match=found):
        opened(tmp_path, fcs_bytes(np.ones((5, 3)), names=NAMES, kind="I", more=more))


@pytest.mark.parametrize("version", ["1.0", "4.0", "abc"])
def test_other_versions_are_refused(tmp_path, version):
    with pytest.raises(CohortError, match=f"version '{version}' of the standard"):
        opened(tmp_path, fcs_bytes(np.ones((5, 3)), names=NAMES, version=version))


@pytest.mark.parametrize("excess", [-1, 0, 1, 8])
@pytest.mark.parametrize(("in_header", "in_text"), [(True, True), (False, True), (True, False)])
@pytest.mark.parametrize("version", ["2.0", "3.1"])
def test_offsets_in_either_place_and_off_by_one(tmp_path, version, in_header, in_text, excess):
    values = np.random.default_rng(6).normal(size=(11, 3)).astype(np.float32)
    content = fcs_bytes(values, names=NAMES, version=version, in_header=in_header, in_text=in_text, excess=excess)
    np.testing.assert_array_equal(opened(tmp_path, content).read(NAMES), values)


def test_of_two_places_the_one_that_holds_the_cells_counts(tmp_path):
    values = np.random.default_rng(7).normal(size=(11, 3)).astype(np.float32)
    content = fcs_bytes(values, names=NAMES, more={"$BEGINDATA": 1, "$ENDDATA": 9})
    np.testing.assert_array_equal(opened(tmp_path, content).read(NAMES), values)


def test_no_number_of_cells_or_too_few_is_said(tmp_path):
    values = np.random.default_rng(8).normal(size=(11, 3)).astype(np.float32)
    file = opened(tmp_path, fcs_bytes(values, names=NAMES, version="2.0", without=["$TOT"]))
    np.testing.assert_array_equal(file.read(NAMES), values)
    assert file.notes[0][0].startswith("says nothing of its number of cells")
    file = opened(tmp_path, fcs_bytes(values, names=NAMES, more={"$TOT": 4}))
    np.testing.assert_array_equal(file.read(NAMES), values[:4])
    assert file.notes[0][0] == "holds data of 11 cells where $TOT announces 4, and the first 4 were read"


@pytest.mark.parametrize("delimiter", list("/|\\*.^$+?()[]!\t\x0c\x1e,;@~ "))
def test_any_delimiter_doubled_in_values(tmp_path, delimiter):
    values = np.random.default_rng(9).normal(size=(11, 3)).astype(np.float32)
    stains = [f"x{delimiter}y", "CD4", f"z{delimiter}{delimiter}z"]
    if delimiter in "$, ":  # in the keywords themselves, where no one could tell
        delimiter = "\x1f"
    file = opened(tmp_path, fcs_bytes(values, names=NAMES, stains=stains, delimiter=delimiter))
    assert file.markers == tuple(re.sub(r"[\x00-\x1f]+", " ", stain) for stain in stains)
    np.testing.assert_array_equal(file.read(file.markers), values)


def test_empty_values_between_others(tmp_path):
    more = {"$P1S": "", "$P2S": " ", "$COM": "", "$P3S": "CD8", "EMPTY": ""}
    assert opened(tmp_path, fcs_bytes(np.ones((5, 3)), names=NAMES, more=more)).markers == ("a", "b", "CD8")


def test_keywords_in_lower_case_and_without_their_dollar(tmp_path):
    values = np.random.default_rng(10).normal(size=(11, 3)).astype(np.float32)
    content = fcs_bytes(values, names=NAMES, stains=["CD3", "CD4", "CD8"], lower=True)
    assert opened(tmp_path, content).markers == ("CD3", "CD4", "CD8")
    content = fcs_bytes(values, names=NAMES).replace(b"$", b"")
    content = content[:BEGIN].replace(b"|        ", b"|", 0) + content[BEGIN:]
    text = content[58:BEGIN].rstrip()
    content = content[:58] + text.ljust(BEGIN - 58) + content[58 + len(content[58:BEGIN]) :]
    np.testing.assert_array_equal(opened(tmp_path, content[:BEGIN].ljust(BEGIN) + data_of(values)).read(NAMES), values)


def data_of(values):
    return data_bytes(values, kind="F", widths=[4] * values.shape[1], order="1,2,3,4")


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_text_beyond_ascii(tmp_path, encoding):
    content = fcs_bytes(
        np.ones((5, 3)),
        names=NAMES,
        stains=["β2µ", "Größe", "é"][slice(encoding == "latin-1", None)] + [""] * (encoding == "latin-1"),
        encoding=encoding,
    )
    wanted = ("β2µ", "Größe", "é") if encoding == "utf-8" else ("Größe", "é", "c")
    assert opened(tmp_path, content).markers == wanted


def test_supplemental_text_adds_and_never_replaces(tmp_path):
    supplemental = {"$P1S": "CD3", "$P2S": "CD4", "$PAR": "77"}
    content = fcs_bytes(np.ones((5, 3)), names=NAMES, stains=["CD19", "", ""], supplemental=supplemental)
    assert opened(tmp_path, content).markers == ("CD19", "CD4", "c")


def test_log_amplification_gain_and_time_step(tmp_path):
    names = ["a", "b", "c", "d", "Time"]
    more = {f"$P{number}R": 1024 for number in range(1, 6)}
    more |= {"$P1E": "4,0", "$P2E": "4.0,0.1", "$P3G": "2.0", "$P4E": "3,1", "$P4G": "8", "$P5G": "0.01"}
    content = fcs_bytes([[512, 512, 100, 1023, 50]] * 3, names=names, kind="I", more={**more, "$TIMESTEP": "0.1"})
    wanted = [10**2.0, 0.1 * 10**2.0, 50, 10 ** (3 * 1023 / 1024), 5]
    np.testing.assert_allclose(opened(tmp_path, content).read(names), [wanted] * 3, rtol=1e-7)


def test_decimal_commas_of_an_instrument(tmp_path):
    more = {"$P1E": "0,0,0,0", "$P2E": "4,0,1,0", "$P2R": 1024, "$P3G": "2,0"}
    content = fcs_bytes([[7, 512, 8]], names=NAMES, kind="I", more=more)
    np.testing.assert_allclose(opened(tmp_path, content).read(NAMES), [[7, 100, 4]])


def test_floats_that_say_they_are_logarithmic_are_noticed(tmp_path):
    file = opened(tmp_path, fcs_bytes([[512.0, 1, 1]], names=NAMES, more={"$P1E": "4,1", "$P1R": 1024}))
    assert file.read(("a",)) == 100
    assert "says that floating-point values are logarithmic ($PnE of a)" in file.notes[0][0]


def three_data_sets(*, absolute=False):
    values = [np.full((4, 3), number, np.float32) for number in (1.0, 2.0, 3.0)]
    blank = [fcs_bytes(block, names=NAMES, more={"$NEXTDATA": "00000000"}) for block in values]
    sizes = np.cumsum([len(block) for block in blank])
    steps = [sizes[0], sizes[1] if absolute else len(blank[1]), 0]
    return b"".join(
        block.replace(b"$NEXTDATA|00000000", b"$NEXTDATA|%08d" % step) for block, step in zip(blank, steps, strict=True)
    )


@pytest.mark.parametrize("absolute", [False, True])
def test_several_data_sets_in_a_file(tmp_path, absolute):
    content = three_data_sets(absolute=absolute)
    for number in (1, 2, 3):
        file = opened(tmp_path, content, dataset=number)
        assert (file.data_sets, file.n_cells) == (3, 4)
        assert (file.read(NAMES) == number).all()
        assert file.notes[0][0] == f"holds 3 data sets, of which number {number} was read"
        assert "#2" in file.notes[0][1]
    for number in (0, 4):
        with pytest.raises(CohortError, match=f"Expected data set {number} in the file, found 3"):
            opened(tmp_path, content, dataset=number)


def test_a_data_set_is_named_in_the_sheet(tmp_path):
    (tmp_path / "tube.lmd").write_bytes(three_data_sets())
    (tmp_path / "other.lmd#2").write_bytes(b"")
    (tmp_path / "sheet.csv").write_text("sample,file\nA,tube.lmd\nB,tube.lmd#2\nC,tube.lmd #3\n")
    cohort = read_cohort(tmp_path / "sheet.csv", transform="none")
    assert [float(cohort.raw(name).mean()) for name in "ABC"] == [1.0, 2.0, 3.0]
    (tmp_path / "sheet.csv").write_text("sample,file\nA,tube.lmd#9\n")
    with pytest.raises(CohortError, match="Expected data set 9 in the file, found 3"):
        read_cohort(tmp_path / "sheet.csv")
    (tmp_path / "sheet.csv").write_text("sample,file\nA,tub.lmd#2\n")
    with pytest.raises(CohortError, match=r"Did you mean tube\.lmd"):
        read_cohort(tmp_path / "sheet.csv")


def test_a_real_file_of_that_name_wins(tmp_path):
    (tmp_path / "a.fcs").write_bytes(three_data_sets())
    (tmp_path / "a.fcs#2").write_bytes(b"")
    (tmp_path / "sheet.csv").write_text("sample,file\nA,a.fcs#2\n")
    with pytest.raises(CohortError, match=r"found a\.fcs#2"):
        read_cohort(tmp_path / "sheet.csv")


def test_a_number_does_not_lead_out_of_the_data_root(tmp_path):
    (tmp_path / "root").mkdir()
    (tmp_path / "secret.fcs").write_bytes(three_data_sets())
    (tmp_path / "root" / "link.fcs").symlink_to(tmp_path / "secret.fcs")
    for name in ("../secret.fcs#2", "link.fcs#2"):
        (tmp_path / "root" / "sheet.csv").write_text(f"sample,file\nA,{name}\n")
        with pytest.raises(CohortError, match="outside it"):
            read_cohort(tmp_path / "root" / "sheet.csv", within=tmp_path / "root")


@pytest.mark.parametrize("step", [1, 58, 10**15, "9" * 30, "x"])
def test_a_chain_that_leads_nowhere_ends(tmp_path, step):
    file = opened(tmp_path, fcs_bytes(np.ones((5, 3)), names=NAMES, more={"$NEXTDATA": step}))
    assert file.data_sets == 1


def test_channels_without_a_name_get_their_number(tmp_path):
    file = opened(tmp_path, fcs_bytes(np.ones((5, 3)), names=NAMES, version="2.0", without=["$P2N"]))
    assert file.markers == ("a", "P2", "c")


def test_a_file_cut_short_after_it_was_opened(tmp_path):
    for kind in ("F", "I"):
        file = opened(tmp_path, fcs_bytes(np.ones((500, 3)), names=NAMES, kind=kind))
        (tmp_path / "a.fcs").write_bytes((tmp_path / "a.fcs").read_bytes()[:-600])
        with pytest.raises(CohortError, match="a data section cut short"):
            file.read(("a", "b", "c"))


def test_data_beyond_what_the_header_can_say(tmp_path):
    values = np.random.default_rng(11).normal(size=(11, 3)).astype(np.float32)
    place = 100_000_100
    more = {"$BEGINDATA": place, "$ENDDATA": place + values.nbytes - 1}
    content = fcs_bytes(values, names=NAMES, in_header=False, more=more)
    with (tmp_path / "a.fcs").open("wb") as handle:
        handle.write(content[:BEGIN])
        handle.seek(place)  # nothing is stored in between
        handle.write(data_of(values))
    np.testing.assert_array_equal(open_fcs(tmp_path / "a.fcs", "a.fcs").read(NAMES), values)


@pytest.mark.parametrize("more", [{"$P1R": "NA", "$P2R": "Inf"}, {"$P3N": "Time", "$TIMESTEP": "12:30"}])
def test_what_says_nothing_of_the_values_may_be_senseless(tmp_path, more):
    values = np.random.default_rng(12).normal(size=(11, 3)).astype(np.float32)
    file = opened(tmp_path, fcs_bytes(values, names=NAMES, more=more))
    np.testing.assert_array_equal(file.read(file.markers), values)


def test_no_cells(tmp_path):
    file = opened(tmp_path, fcs_bytes(np.ones((0, 3)), names=NAMES))
    assert file.n_cells == 0
    assert file.read(("a", "c")).shape == (0, 2)
    assert opened(tmp_path, fcs_bytes(np.ones((5, 3)), names=NAMES)).read(()).shape == (5, 0)


def read_independently(content, start=0):
    """Keywords and linear values (n, d) of the real files, which are simpler than the standard allows."""
    begin, end, first = (int(content[start + place : start + place + 8] or 0) for place in (10, 18, 26))
    text = content[start + begin : start + end + 1].decode("latin-1")
    mark = re.escape(text[0])
    words = re.sub(rf"(?<=\w)({mark}{mark})+(?=\w)", "%", text[1:]).split(text[0])  # GFP//FITC-A of one of them
    keys = dict(zip(words[::2], words[1::2], strict=False))
    count, channels = int(keys["$TOT"]), int(keys["$PAR"])
    width = int(keys["$P1B"]) // 8
    order = "little" if keys["$BYTEORD"].startswith("1") else "big"
    raw = np.frombuffer(content, np.uint8, count * channels * width, start + first).reshape(count, channels, width)
    raw = raw if order == "little" else raw[:, :, ::-1]
    if keys["$DATATYPE"] == "F":
        values = np.ascontiguousarray(raw).view("<f4")[:, :, 0].astype(float)
    else:
        values = sum(raw[:, :, place].astype(np.int64) << 8 * place for place in range(width))
        tops = [int(keys[f"$P{number}R"]) for number in range(1, channels + 1)]
        values = (values & np.array([2 ** int(np.ceil(np.log2(top))) - 1 for top in tops])).astype(float)
    for number in range(1, channels + 1):
        decades, lowest = (float(word) for word in keys[f"$P{number}E"].split(","))
        name, column = keys[f"$P{number}N"], number - 1
        if decades:
            values[:, column] = (lowest or 1) * 10 ** (decades * values[:, column] / float(keys[f"$P{number}R"]))
        elif name.lower() == "time":
            values[:, column] *= float(keys.get("$TIMESTEP", 1))
        else:
            values[:, column] /= float(keys.get(f"$P{number}G", 1))
    return keys, values


@pytest.mark.filterwarnings("ignore")
def test_real_files_read_as_their_bytes_say(real_data):
    folder = real_data("fcs_files")
    files = [(name, 1) for name in pd.read_csv(folder / "index.csv")["file"]] + [("gallios_lmd_two_datasets.lmd", 2)]
    for name, number in files:
        content = (folder / name).read_bytes()
        keys, values = read_independently(content, 355546 if number == 2 else 0)
        file = open_fcs(folder / name, name, compensate=False, dataset=number)
        assert file.n_cells == len(values) == int(keys["$TOT"])
        np.testing.assert_allclose(file.read(file.markers), values.astype(np.float32), rtol=2e-7, err_msg=name)
        matrix = next((keys[word] for word in ("$SPILLOVER", "SPILL") if word in keys), None)
        if matrix and number == 1:
            words = matrix.split(",")
            size = int(words[0])
            columns = [
                next(n for n in range(int(keys["$PAR"])) if keys[f"$P{n + 1}N"] == word) for word in words[1 : 1 + size]
            ]
            inverse = np.linalg.inv(np.array(words[1 + size :], float).reshape(size, size))
            values[:, columns] = values[:, columns] @ inverse
            file = open_fcs(folder / name, name)
            assert file.spillover.applied
            np.testing.assert_allclose(file.read(file.markers), values, rtol=1e-5, atol=1e-3, err_msg=name)


@pytest.mark.filterwarnings("ignore")
def test_real_files_read_as_flowio_reads_them(real_data):
    folder = real_data("fcs_files")
    for name in pd.read_csv(folder / "index.csv")["file"]:
        if "int24" in name:  # FlowIO reads 8, 16 and 32 bits
            continue
        flow = flowio.FlowData(folder / name, ignore_offset_error=True, nextdata_offset=0)
        file = open_fcs(folder / name, name, compensate=False)
        np.testing.assert_array_equal(file.read(file.markers), flow.as_array().astype(np.float32), err_msg=name)
        names = [channel.name for channel in file.layout.channels]
        lost = ["FL1-A"] if "facscalibur" in name else []  # FlowIO misses a name after empty values
        assert [channel for channel in names if channel not in lost] == flow.pnn_labels


def test_what_real_files_offer_as_markers(real_data):
    from lotviz.data.markers import reason_left_out

    folder = real_data("fcs_files")
    wanted = {
        "accuri_c6plus_fcs31_int32_spillover.fcs": {
            *("FITC-A", "PE-A", "PerCP-A", "APC-A", "FITC-H", "PE-H", "PerCP-H", "APC-H")
        },
        "cytek_xp5_int24_bigendian.fcs": {"FL1", "FL2", "FL3", "FL4 red", "FL5 red"},
        "facscalibur_fcs20_int16_bigendian.fcs": {"FL1-H", "FL2-H", "FL3-H", "FL1-A", "FL4-H"},
        "facscanto2_diva_spill.fcs": {
            *("FITC-A", "CD3", "PerCP-Cy5-5-A", "PE-Cy7-A", "bob", "APC-Cy7-A", "CD44", "CD8")
        }
        - {"APC-Cy7-A"},
        "macsquant_duplicate_names_fcs31.fcs": {"GFP/FITC-A", "GFP/FITC-H"},
        "macsquant_fcs20_float_littleendian.fcs": {"V2-A", "V2-H", "Y2-A", "Y2-H", "B1-A", "B1-H"},
        "gallios_lmd_two_datasets.lmd": {"FL1 INT LOG", "FL2 INT LOG", "FL1 INT LIN"},
    }
    for name, markers in wanted.items():
        file = open_fcs(folder / name, name)
        assert {marker for marker in file.markers if not reason_left_out(marker, raw_file=True)} == markers, name
