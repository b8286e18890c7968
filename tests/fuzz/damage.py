"""Ways to damage a file: blindly, byte by byte, and knowing how the format is built."""

from __future__ import annotations

import io
import json
import re
import struct
from collections.abc import Callable
from dataclasses import replace

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.random import Generator

from tests.fuzz.seeds import Seed, parquet, unzipped, zipped

Damage = Callable[[bytes, Generator], bytes]

ODD_NUMBERS = (
    *("0", "-1", "1", "2", "3.5", "-0", "1e9", "99999999", "2147483648", "4294967296", "9223372036854775808"),
    *("1e308", "1e400", "-1e400", "nan", "inf", "", " ", "x", "0x10", "١٢", "1,000", "9" * 30, "9" * 400, "1_0"),
)
ODD_WORDS = (
    *(
        '"',
        "'",
        "\x00",
        "=1+1",
        "../../x",
        "a,b",
        "a;b",
        "NA",
        "\ufeff",
        "\u202e",
        "é" * 300,
        "x" * 70_000,
        "\r",
        "\n\n",
    ),
    *("#", "sample", "sample_id", "file", "cell_type", "Time", "CD3", "P1", ".", "/", "a.pkl", "\ud7ff", "%s", "{0}"),
)
ODD_BYTES = (b"\x00", b"\xff", b"\x80", b"\x7f", b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x00" * 8, b"\xc3\x28")


def damaged(seed: Seed, rng: Generator, *, others: tuple[Seed, ...]) -> Seed:
    """The cohort with one to three wounds in one of its files."""
    name = seed.damaged[rng.integers(len(seed.damaged))]
    content = seed.files[name]
    if seed.kind == "zarr" and rng.random() < 0.15:
        return replace(seed, files={other: kept for other, kept in seed.files.items() if other != name})
    for wound in range(pick((1, 1, 1, 2, 3), rng)):
        # what opens the file with its own library must find it whole: the library is not what is tried here
        informed = [damage for damage in INFORMED[seed.kind] if wound == 0 or damage not in _NEEDS_WHOLE]
        if rng.random() < 0.03:
            donor = others[rng.integers(len(others))]
            content = splice(content, donor.files[donor.damaged[0]], rng)
        damage = pick(informed, rng) if rng.random() < 0.6 else pick(BLIND, rng)
        try:
            content = damage(content, rng)
        except Exception:  # noqa: BLE001  an earlier wound left nothing that this one knows
            content = pick(BLIND, rng)(content, rng)
    return replace(seed, files={**seed.files, name: content})


def pick(choices, rng: Generator):
    return choices[int(rng.integers(len(choices)))]


# Blind


def flip(content: bytes, rng: Generator) -> bytes:
    changed = bytearray(content)
    for position in rng.integers(0, max(len(changed), 1), rng.integers(1, 12)) if changed else ():
        changed[position] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def overwrite(content: bytes, rng: Generator) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.integers(1, 6)):
        odd = pick(ODD_BYTES, rng)
        at = int(rng.integers(0, max(len(changed), 1)))
        changed[at : at + len(odd)] = odd
    return bytes(changed)


def cut(content: bytes, rng: Generator) -> bytes:
    return content[: int(rng.integers(0, len(content) + 1))]


def drop(content: bytes, rng: Generator) -> bytes:
    first, size = int(rng.integers(0, len(content) + 1)), int(rng.integers(1, 64))
    return content[:first] + content[first + size :]


def insert(content: bytes, rng: Generator) -> bytes:
    first = int(rng.integers(0, len(content) + 1))
    return content[:first] + rng.bytes(int(rng.integers(1, 64))) + content[first:]


def repeat(content: bytes, rng: Generator) -> bytes:
    first = int(rng.integers(0, len(content) + 1))
    part = content[first : first + int(rng.integers(1, 256))]
    return content[:first] + part * int(rng.integers(2, 20)) + content[first:]


def splice(content: bytes, other: bytes, rng: Generator) -> bytes:
    return content[: int(rng.integers(0, len(content) + 1))] + other[int(rng.integers(0, len(other) + 1)) :]


def head(content: bytes, rng: Generator) -> bytes:
    """Wounds among the first bytes, where formats keep what everything else depends on."""
    size = min(int(pick((16, 64, 256, 1024), rng)), len(content))
    return overwrite(content[:size], rng)[:size].ljust(size) + content[size:]


BLIND: tuple[Damage, ...] = (flip, flip, overwrite, cut, drop, insert, repeat, head)


# FCS


def fcs_offset(content: bytes, rng: Generator) -> bytes:
    field = 10 + 8 * int(rng.integers(6))
    near = str(int(rng.integers(-4, 3000)))
    number = pick((*ODD_NUMBERS, near, near, near), rng).encode()[:8].rjust(8)
    return content[:field] + number + content[field + 8 :]


def fcs_keyword(content: bytes, rng: Generator) -> bytes:
    """Another value for a keyword; the data stay where they are while the text has room."""
    match = pick(list(re.finditer(rb"/(\$?[A-Z]+\d*[A-Z]*)/([^/]*)", content[58:1024])), rng)
    near = str(int(rng.integers(-2, 40)))
    value = pick((*ODD_NUMBERS, *ODD_WORDS[:12], near, near, "F", "I", "D", "A", "C", "4,1", "0,0,0"), rng)
    word = value.encode("utf-8", "replace")
    first, last = 58 + match.start(2), 58 + match.end(2)
    room = content[last:1024].rstrip(b" ")
    text = content[58:first] + word + room
    return content[:58] + text.ljust(1024 - 58) + content[1024:] if rng.random() < 0.9 else content[:58] + text


def fcs_removed(content: bytes, rng: Generator) -> bytes:
    match = pick(list(re.finditer(rb"\$[A-Z]+\d*[A-Z]*/[^/]*/", content[58:1024])), rng)
    text = content[58 : 58 + match.start()] + content[58 + match.end() : 1024].rstrip(b" ")
    return content[:58] + text.ljust(1024 - 58) + content[1024:]


def fcs_text_end(content: bytes, rng: Generator) -> bytes:
    return content[:18] + str(int(rng.integers(50, 1100))).encode().rjust(8) + content[26:]


# Text tables


def csv_field(content: bytes, rng: Generator) -> bytes:
    lines = content.split(b"\n")
    row = int(pick((0, rng.integers(len(lines))), rng))
    mark = max((b",", b";", b"\t"), key=lines[0].count)
    fields = lines[row].split(mark)
    word = pick((*ODD_NUMBERS, *ODD_WORDS), rng).encode("utf-8", "surrogatepass")
    fields[int(rng.integers(len(fields)))] = word
    lines[row] = mark.join(fields)
    return b"\n".join(lines)


def csv_shape(content: bytes, rng: Generator) -> bytes:
    lines = content.split(b"\n")
    row = int(rng.integers(len(lines)))
    changes = (
        lambda: lines[:row] + lines[row + 1 :],
        lambda: lines[:row] + [lines[row]] * int(rng.integers(2, 2000)) + lines[row:],
        lambda: [*lines[:row], lines[row] + b"," * int(rng.integers(1, 5000)), *lines[row + 1 :]],
        lambda: [line + b"," for line in lines],
        lambda: lines[:1],
        lambda: lines[1:],
        lambda: [b"# note", *lines],
        lambda: [b"", b"", *lines],
    )
    return b"\n".join(pick(changes, rng)())


def csv_encoding(content: bytes, rng: Generator) -> bytes:
    text = content.decode("utf-8")
    encoding = pick(("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "cp037", "utf-7"), rng)
    return text.encode(encoding)


def csv_marks(content: bytes, rng: Generator) -> bytes:
    old, new = pick(((b",", b";"), (b".", b","), (b"\n", b"\r"), (b"\n", b"\r\n"), (b",", b"\t"), (b"a", b'"')), rng)
    return content.replace(old, new)


# xlsx


def xlsx_part(content: bytes, rng: Generator) -> bytes:
    parts = unzipped(content)
    name = pick(sorted(parts), rng)
    parts[name] = pick((*BLIND, xml_number, xml_number, xml_cell, xml_cell), rng)(parts[name], rng)
    return zipped(parts)


def xml_number(content: bytes, rng: Generator) -> bytes:
    match = pick(list(re.finditer(rb"\d+", content)), rng)
    return content[: match.start()] + pick(ODD_NUMBERS, rng).encode() + content[match.end() :]


def xml_cell(content: bytes, rng: Generator) -> bytes:
    match = pick(list(re.finditer(rb'(?:r|ref|t|s)="[^"]*"', content)), rng)
    name = match.group().split(b"=")[0]
    odd = pick((b"XFD1048576", b"A1:XFD1048576", b"A0", b"ZZZZ9", b"-1", b"999999", b"e", b"b", b"d", b"str", b""), rng)
    return content[: match.start()] + name + b'="' + odd + b'"' + content[match.end() :]


def xlsx_missing(content: bytes, rng: Generator) -> bytes:
    parts = unzipped(content)
    parts.pop(pick(sorted(parts), rng))
    return zipped(parts)


def xlsx_bomb(content: bytes, rng: Generator) -> bytes:
    """A part that is small in the file and huge in memory, or that grows while it is read."""
    parts = unzipped(content)
    name = pick(("xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/workbook.xml", "xl/styles.xml"), rng)
    part = parts[name]
    if rng.random() < 0.5:
        entities = b"".join(b'<!ENTITY e%d "%s">' % (n, b"&e%d;" % (n - 1) * 10 if n else b"x" * 50) for n in range(9))
        at = part.find(b"?>") + 2 if part.startswith(b"<?xml") else 0
        first = re.search(rb">(?=[^<])|>", part[at:])
        inside = at + first.end() if first else at
        part = part[:at] + b"<!DOCTYPE x [" + entities + b"]>" + part[at:inside] + b"&e8;" + part[inside:]
    elif rng.random() < 0.5:
        part = part + b" " * int(rng.integers(1, 120)) * 2**20
    else:
        row = b'<row r="2"><c r="A2" t="inlineStr"><is><t>x</t></is></c></row>'
        part = part.replace(b"</sheetData>", row * int(rng.integers(10**4, 10**6)) + b"</sheetData>")
    return zipped({**parts, name: part})


# Parquet


def parquet_footer(content: bytes, rng: Generator) -> bytes:
    size = struct.unpack("<I", content[-8:-4])[0]
    choice = rng.random()
    if choice < 0.3:
        odd = int(pick((0, 1, 7, size - 1, size + 1, len(content), 2**31 - 1, 2**31, 2**32 - 1), rng))
        return content[:-8] + struct.pack("<I", odd) + content[-4:]
    footer = pick((flip, overwrite, flip, drop, insert), rng)(content[-8 - size : -8], rng)
    return content[: -8 - size] + footer + struct.pack("<I", len(footer)) + content[-4:]


def parquet_page(content: bytes, rng: Generator) -> bytes:
    size = struct.unpack("<I", content[-8:-4])[0]
    body = len(content) - 8 - size
    return flip(content[:body], rng)[:body] + content[body:]


def parquet_column(content: bytes, rng: Generator) -> bytes:
    """A whole file again, with a column of another type or content."""
    table = pq.read_table(io.BytesIO(content))
    at, count = int(rng.integers(table.num_columns)), table.num_rows
    odd = pick(
        (
            lambda: pa.array([None] * count, pa.null()),
            lambda: pa.array([None] * count, pa.float32()),
            lambda: pa.array([[1.0, 2.0]] * count),
            lambda: pa.array([{"a": 1}] * count),
            lambda: pa.array([b"\xff\xfe"] * count, pa.binary()),
            lambda: pa.array([2**63 - 1] * count),
            lambda: pa.array([10**37] * count, pa.decimal128(38, 0)),
            lambda: pa.array([float("inf")] * count),
            lambda: pa.array([1e300] * count),
            lambda: pa.array([10**15] * count, pa.timestamp("us")),
            lambda: pa.array([True, None] * count)[:count],
            lambda: pa.array(["x" * 1000] * count),
            lambda: pa.array(["é"] * count).dictionary_encode(),
            lambda: pa.array([1, 2] * count)[:count].dictionary_encode(),
            lambda: pa.array([1.5] * count, pa.float16()),
        ),
        rng,
    )()
    name = pick((table.column_names[at], "", "sample", pick(table.column_names, rng), "x" * 5000, "é\x00"), rng)
    table = table.set_column(at, name, odd)
    return parquet(table.slice(0, int(pick((count, count, count, 0, 1), rng))))


# HDF5


def h5ad_content(content: bytes, rng: Generator) -> bytes:
    """A whole file again, with a part that is missing, of another type, far too large, or elsewhere."""
    held = io.BytesIO(content)
    with h5py.File(held, "r+") as store:
        names: list[str] = []
        store.visit(names.append)
        name = str(pick(names, rng))
        if rng.random() < 0.3:
            h5ad_attribute(store[name], rng)
        else:
            del store[name]
            pick(_PLANTED, rng)(store, name)
    return held.getvalue()


def h5ad_attribute(node, rng: Generator) -> None:
    key = pick((*node.attrs, "encoding-type"), rng)
    odd = (
        "array",
        "csr_matrix",
        "categorical",
        "dataframe",
        "string",
        "9.9.9",
        "",
        7,
        [1, 2],
        [2**40, 3],
        b"\xff",
        "X",
    )
    value = pick(odd, rng)
    if rng.random() < 0.2 and key in node.attrs:
        del node.attrs[key]
    else:
        node.attrs[key] = value


def _huge(store, name) -> None:
    store.create_dataset(name, shape=(2**38,), dtype="f4", chunks=(2**16,))


def _wide(store, name) -> None:
    store.create_dataset(name, shape=(48, 2**31), dtype="f8", chunks=(1, 2**16))


def _deep(store, name) -> None:
    store.create_dataset(name, data=np.zeros((2, 2, 2, 2), dtype="i8"))


_PLANTED = (
    lambda store, name: None,
    _huge,
    _wide,
    _deep,
    lambda store, name: store.create_dataset(name, data="text"),
    lambda store, name: store.create_dataset(name, data=np.array([b"a", b"\xff"], dtype="S1")),
    lambda store, name: store.create_dataset(name, data=np.full(48, -7, dtype="i1")),
    lambda store, name: store.create_dataset(name, data=np.full(48, 99, dtype="i8")),
    lambda store, name: store.create_dataset(name, data=np.full((48, 3), 1 + 2j)),
    lambda store, name: store.create_dataset(name, data=np.full((48, 3), np.nan)),
    lambda store, name: store.create_dataset(name, data=np.arange(3), dtype="u8"),
    lambda store, name: store.create_dataset(name, shape=(0, 3), dtype="f4"),
    lambda store, name: store.create_dataset(name, data=h5py.Empty("f4")),
    lambda store, name: store.create_dataset(name, data=np.array([store.ref], dtype=h5py.ref_dtype)),
    lambda store, name: store.create_group(name),
    lambda store, name: store.__setitem__(name, h5py.SoftLink(f"/{name}")),
    lambda store, name: store.__setitem__(name, h5py.SoftLink("/")),
    lambda store, name: store.__setitem__(name, h5py.ExternalLink("/etc/hostname", "/x")),
)


# zarr


def zarr_json(content: bytes, rng: Generator) -> bytes:
    """What describes a group or an array, with another value somewhere; a chunk is no JSON and is damaged blindly."""
    whole = json.loads(content)
    here = whole
    while True:
        key = pick(list(here) if isinstance(here, dict) else range(len(here)), rng)
        if isinstance(here[key], (dict, list)) and here[key] and rng.random() < 0.8:
            here = here[key]
            continue
        odd = (
            None,
            True,
            -1,
            0,
            7,
            2**40,
            2**70,
            1e308,
            "",
            "x",
            "|O",
            "<f2",
            "<U9",
            "../..",
            [],
            [2**40],
            {},
            "pickle",
        )
        here[key] = pick((*odd, *ODD_WORDS[:6]), rng)
        return json.dumps(whole).encode("utf-8", "replace")


INFORMED: dict[str, tuple[Damage, ...]] = {
    "fcs": (fcs_offset, fcs_keyword, fcs_keyword, fcs_keyword, fcs_removed, fcs_text_end),
    "csv": (csv_field, csv_field, csv_shape, csv_encoding, csv_marks),
    "sheet": (csv_field, csv_field, csv_shape, csv_encoding, csv_marks),
    "xlsx": (*(xlsx_part,) * 8, xlsx_missing, *(xlsx_part,) * 8, xlsx_missing, xlsx_bomb),
    "parquet": (parquet_footer, parquet_page, parquet_column, parquet_column),
    "h5ad": (h5ad_content, h5ad_content, head, head),
    "zarr": (zarr_json,),
}
_NEEDS_WHOLE = (parquet_column, h5ad_content)
