"""FCS files are held to the text of the standard by a reader of a few lines, and to FlowIO and FlowKit."""

from __future__ import annotations

import re

import flowio
import numpy as np
import pytest

from lotviz.data.fcs.write import write_fcs
from lotviz.data.marks import names_written, written_names

REQUIRED = (
    *("BEGINANALYSIS", "BEGINDATA", "BEGINSTEXT", "BYTEORD", "DATATYPE", "ENDANALYSIS", "ENDDATA", "ENDSTEXT", "MODE"),
    *("NEXTDATA", "PAR", "TOT"),
)
ODD_NAMES = ("CD4, total", "pSMAD2/3", "IFN-γ|α\\β", "a$b", "CD4  total", "é" * 200, "100%", "'\"", "Time", "#1")


def parsed(path):
    """Header offsets, keywords and values, by the standard."""
    content = path.read_bytes()
    assert content[:10] == b"FCS3.1    "
    offsets = [int(content[at : at + 8]) for at in range(10, 58, 8)]
    text = content[offsets[0] : offsets[1] + 1]
    mark = text[:1]
    assert text[-1:] == mark
    assert 1 <= mark[0] <= 126
    words = text[1:-1].decode("utf-8").split(mark.decode())
    assert len(words) % 2 == 0
    assert all(words)  # the standard knows no empty keyword and no empty value
    pairs = dict(zip(words[::2], words[1::2], strict=True))
    assert len(pairs) == len(words) // 2
    start, stop = int(pairs["$BEGINDATA"]), int(pairs["$ENDDATA"])
    values = np.frombuffer(content[start : stop + 1], "<f4").reshape(int(pairs["$TOT"]), int(pairs["$PAR"]))
    assert content[stop + 1 :] == b"00000000"  # no check sum
    return offsets, pairs, values


def odd_values():
    tiny = np.finfo(np.float32)
    column = np.array([0.0, -0.0, tiny.smallest_subnormal, tiny.tiny, tiny.max, -tiny.max, 1 / 3, -1e-45], np.float32)
    return np.column_stack([column, -np.abs(column), column[::-1]])


def same_bits(found, expected):
    np.testing.assert_array_equal(
        np.asarray(found, np.float32).view(np.uint32), np.asarray(expected, np.float32).view(np.uint32)
    )


def test_every_required_keyword_is_there_and_offsets_agree(tmp_path):
    write_fcs(tmp_path / "a.fcs", odd_values(), ["A", "B", "C"])
    offsets, pairs, values = parsed(tmp_path / "a.fcs")
    same_bits(values, odd_values())
    assert {f"${name}" for name in REQUIRED} <= set(pairs)
    assert all(f"$P{number}{letter}" in pairs for number in (1, 2, 3) for letter in "BENRS")
    assert offsets[2:] == [int(pairs["$BEGINDATA"]), int(pairs["$ENDDATA"]), 0, 0]
    assert offsets[1] < offsets[2]
    expected = {"$BYTEORD": "1,2,3,4", "$DATATYPE": "F", "$MODE": "L", "$NEXTDATA": "0", "$TOT": "8", "$PAR": "3"}
    assert expected.items() <= pairs.items()
    assert {pairs["$P1B"], pairs["$P1E"]} == {"32", "0,0"}


def test_every_range_lies_beyond_every_value(tmp_path):
    values = odd_values()
    write_fcs(tmp_path / "a.fcs", values, ["A", "B", "C"])
    _, pairs, _ = parsed(tmp_path / "a.fcs")
    for number in (1, 2, 3):
        assert re.fullmatch(r"\d+", pairs[f"$P{number}R"])
        assert int(pairs[f"$P{number}R"]) > np.abs(values[:, number - 1]).max().astype(float)


def test_missing_values_of_a_cohort_are_kept(tmp_path):
    values = np.array([[np.nan, 5e6], [np.inf, 1.0]], np.float32)
    write_fcs(tmp_path / "a.fcs", values, ["A", "B"])
    _, pairs, found = parsed(tmp_path / "a.fcs")
    same_bits(found, values)
    assert (pairs["$P1R"], int(pairs["$P2R"]) > 5e6) == ("1024", True)


@pytest.mark.parametrize("names", [ODD_NAMES[first : first + 3] for first in range(8)])
def test_odd_names_are_whole_in_the_stain_and_lawful_in_the_channel(tmp_path, names):
    write_fcs(tmp_path / "a.fcs", odd_values(), names)
    _, pairs, _ = parsed(tmp_path / "a.fcs")
    assert [pairs[f"$P{number}S"] for number in (1, 2, 3)] == list(names)
    channels = [pairs[f"$P{number}N"] for number in (1, 2, 3)]
    assert not any("," in channel for channel in channels)
    assert len(set(channels)) == 3
    assert names_written(pairs) == tuple(names)


def test_flowio_reads_the_same(tmp_path):
    names = written_names(ODD_NAMES[:3])
    keywords = {"lotviz_recipe": '{"a": "/|\\\\"}', "$COM": "two\nlines"}
    write_fcs(tmp_path / "a.fcs", odd_values(), names, keywords=keywords)
    flow = flowio.FlowData(str(tmp_path / "a.fcs"))
    same_bits(flow.as_array(), odd_values())
    assert tuple(flow.pns_labels) == names
    assert (flow.text["lotviz_recipe"], flow.text["com"]) == ('{"a": "/|\\\\"}', "two lines")


@pytest.mark.filterwarnings("ignore")  # FlowKit brings libraries with warnings of their own
def test_flowkit_reads_the_same(tmp_path):
    flowkit = pytest.importorskip("flowkit", reason="FlowKit is not installed: the file is read with FlowIO alone")
    names = written_names(ODD_NAMES[:3])
    write_fcs(tmp_path / "a.fcs", odd_values(), names)
    sample = flowkit.Sample(str(tmp_path / "a.fcs"), subsample=8)
    same_bits(sample.get_events(source="raw"), odd_values())
    assert tuple(sample.pns_labels) == names


@pytest.mark.parametrize("columns", [1, 2, 12, 80, 700])
def test_the_data_begin_where_the_text_says_whatever_its_length(tmp_path, columns):
    values = np.arange(columns * 3, dtype=np.float32).reshape(3, columns)
    for longer in range(0, 24, 5):
        write_fcs(tmp_path / "a.fcs", values, [f"M{n}" for n in range(columns)], keywords={"PAD": "x" * (longer + 1)})
        same_bits(parsed(tmp_path / "a.fcs")[2], values)


def test_beyond_100_mb_the_header_holds_zeros_and_the_keywords_hold(tmp_path):
    values = np.zeros((1_300_000, 20), np.float32)
    values[-1] = np.arange(20)
    write_fcs(tmp_path / "large.fcs", values, [f"M{number}" for number in range(20)])
    with (tmp_path / "large.fcs").open("rb") as file:
        assert file.read(58)[26:42] == b"       0       0"
    flow = flowio.FlowData(str(tmp_path / "large.fcs"), only_text=True)
    assert int(flow.text["enddata"]) == int(flow.text["begindata"]) + values.nbytes - 1 > 99_999_999
    assert (tmp_path / "large.fcs").stat().st_size == int(flow.text["enddata"]) + 1 + 8
    same_bits(np.fromfile(tmp_path / "large.fcs", "<f4", 20, offset=int(flow.text["enddata"]) + 1 - 80), np.arange(20))
