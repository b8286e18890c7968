"""FCS files byte by byte, by the text of the standard and without the code under test."""

from __future__ import annotations

import numpy as np

BEGIN = 4096


def data_bytes(values, *, kind, widths, order):
    """Values (n, d) as stored; `order` is $BYTEORD, for integers and floats alike."""
    numbers = [int(number) for number in order.split(",")]
    cells = []
    for row in np.asarray(values):
        for value, width in zip(row, widths, strict=True):
            if kind == "A":
                cells.append(f"{int(value):>{width}d}".encode())
                continue
            # most significant byte last, then each byte where the order says
            little = int(value).to_bytes(width, "little") if kind == "I" else np.array(value, f"<f{width}").tobytes()
            places = numbers if len(numbers) == width else list(range(1, width + 1))[:: 1 if numbers[0] == 1 else -1]
            cells.append(bytes(little[place - 1] for place in places))
    return b"".join(cells)


def fcs_bytes(
    values,
    *,
    names,
    stains=None,
    version="3.0",
    kind="F",
    widths=None,
    order="1,2,3,4",
    excess=0,
    more=None,
    without=(),
    delimiter="|",
    in_header=True,
    in_text=True,
    supplemental=None,
    encoding="utf-8",
    data=None,
    lower=False,
):
    """A data set; `excess` misstates the end of the data, `more` and `without` change the keywords."""
    values = np.asarray(values)
    count, channels = values.shape
    widths = widths or [{"F": 4, "D": 8}.get(kind, 2)] * channels
    data = data_bytes(values, kind=kind, widths=widths, order=order) if data is None else data
    keys = {"$MODE": "L", "$DATATYPE": kind, "$BYTEORD": order, "$PAR": channels, "$TOT": count, "$NEXTDATA": 0}
    for number, (name, width) in enumerate(zip(names, widths, strict=True), start=1):
        bits = width if kind == "A" else 8 * width
        keys |= {f"$P{number}N": name, f"$P{number}B": bits, f"$P{number}R": 2**18, f"$P{number}E": "0,0"}
        if stains and stains[number - 1]:
            keys[f"$P{number}S"] = stains[number - 1]
    end = BEGIN + len(data) - 1 + excess
    keys |= {"$BEGINDATA": BEGIN, "$ENDDATA": end} if in_text else {}
    extra = b""
    if supplemental:
        extra = (
            delimiter + "".join(f"{key}{delimiter}{value}{delimiter}" for key, value in supplemental.items())
        ).encode()
        keys |= {"$BEGINSTEXT": BEGIN + len(data), "$ENDSTEXT": BEGIN + len(data) + len(extra) - 1}
    keys |= more or {}
    keys = {key: value for key, value in keys.items() if key not in without}
    doubled = {key: str(value).replace(delimiter, 2 * delimiter) for key, value in keys.items()}
    words = "".join(f"{key.lower() if lower else key}{delimiter}{value}{delimiter}" for key, value in doubled.items())
    text = (delimiter + words).encode(encoding)
    offsets = (58, 58 + len(text) - 1, *((BEGIN, end) if in_header else (0, 0)), 0, 0)
    header = (f"FCS{version}    " + "".join(f"{offset:>8}" for offset in offsets)).encode()
    assert len(header + text) <= BEGIN
    return (header + text).ljust(BEGIN) + data + extra + b"00000000"


def opened(tmp_path, content, **choices):
    """The file opened by the code under test."""
    from lotviz.data.fcs.reader import open_fcs

    path = tmp_path / "a.fcs"
    path.write_bytes(content)
    return open_fcs(path, "a.fcs", **choices)
