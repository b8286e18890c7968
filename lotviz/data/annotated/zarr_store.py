"""zarr opened so that a damaged count of texts takes no memory: the library would make room for four thousand million.

Each piece of an array of texts begins with their number, four bytes, and each text with its length, four more. The
number is compared with the bytes there are before the library believes it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

_LENGTH = 4  # bytes of the number of texts, and of the length of each


def open_zarr(path: Path) -> Any:
    """Open a zarr group to read."""
    import zarr  # half a second

    _count_first()
    return zarr.open_group(path, mode="r")


@cache
def _count_first() -> None:
    """Put decoders that count in the place of those that do not, for arrays of version 2 and 3."""
    import numcodecs
    from numcodecs.vlen import VLenBytes, VLenUTF8
    from zarr.codecs import vlen_utf8

    class CountedUTF8(VLenUTF8):
        """Texts, as many as there is room for."""

        def decode(self, buf: Any, out: Any = None) -> Any:
            _require_room(buf)
            return super().decode(buf, out)

    class CountedBytes(VLenBytes):
        """Strings of bytes, as many as there is room for."""

        def decode(self, buf: Any, out: Any = None) -> Any:
            _require_room(buf)
            return super().decode(buf, out)

    for codec in (CountedUTF8, CountedBytes):
        numcodecs.register_codec(codec)
    vlen_utf8._vlen_utf8_codec = CountedUTF8()
    vlen_utf8._vlen_bytes_codec = CountedBytes()


def _require_room(buffer: Any) -> None:
    content = memoryview(buffer).cast("B")
    count = int.from_bytes(content[:_LENGTH], "little")
    if count > max(0, len(content) - _LENGTH) // _LENGTH:
        raise ValueError(f"{count:,} texts in {len(content):,} bytes")
