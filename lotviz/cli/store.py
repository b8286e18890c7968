"""The commands of the store of solved samples: what it holds, and removing it."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict

from lotviz.cli.output import Output


def info(_options: Namespace, output: Output) -> int:
    """Say where the store is, and how much it holds."""
    from lotviz.transport import TransportStore

    found = TransportStore().info()
    output.result(
        asdict(found),
        f"{found.entries} solved samples in {found.folder}.\n"
        f"They take {_megabytes(found.bytes)} of at most {_megabytes(found.limit)}.",
    )
    return 0


def clear(_options: Namespace, output: Output) -> int:
    """Remove every solved sample; embeddings that were saved need none of them."""
    from lotviz.transport import TransportStore

    store = TransportStore()
    removed = store.clear()
    output.result(
        {"folder": str(store.folder), "removed": removed}, f"Removed {removed} solved samples from {store.folder}."
    )
    return 0


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
