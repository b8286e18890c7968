"""Pictures of the real app: `python tests/ui/screenshots.py` writes those of the README, and more on request.

Serves the demo cohort, or the one that is named, opens each page in a browser without a window, waits until it is
drawn and writes it as a PNG with few colours, so that it stays small.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).parent))

from application import PATIENTS, application, wait_until_drawn
from browser import ARGUMENTS, ensure_browser
from PIL import Image

from lotviz.app.choices import PAGES
from lotviz.app.workspace import Workspace

README_FOLDER = Path(__file__).resolve().parents[2] / "assets" / "screenshots"
SHOWN_ON = {"Drugs": "demo: organoids, drugs that interact"}  # pages about which patients have nothing to say
LARGEST = 300_000  # bytes of one picture
COLOURS = (256, 128, 64)  # tried in turn where all colours would be too large


def small_png(picture: bytes) -> bytes:
    """Return a PNG no larger than LARGEST: with all its colours if that is possible, else with as many as are."""
    image = Image.open(BytesIO(picture)).convert("RGB")
    written = _png(image)
    for colours in COLOURS:
        if len(written) <= LARGEST:
            break
        # Coverage, not the median: small marks keep their colour, which has a meaning here.
        written = _png(image.quantize(colours, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE))
    return written


def _png(image: Image.Image) -> bytes:
    """Return an image as a PNG."""
    written = BytesIO()
    image.save(written, format="PNG", optimize=True)
    return written.getvalue()


@contextmanager
def opened(size: tuple[int, int]) -> Iterator[Any]:
    """Yield a page of the browser of this machine."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=ensure_browser(), args=list(ARGUMENTS))
        yield browser.new_page(viewport={"width": size[0], "height": size[1]})
        browser.close()


def shoot(
    address: str,
    pages: Sequence[str],
    choices: dict[str, str],
    size: tuple[int, int],
    *,
    cohorts: dict[str, dict[str, str]],
) -> Iterator[tuple]:
    """Yield the name of each page, its picture and the seconds until it was drawn; some on cohorts of their own."""
    with opened(size) as page:
        for name in pages:
            begun = time.monotonic()
            page.goto(f"{address}/?{urlencode({**choices, **cohorts.get(name, {}), 'page': name})}")
            wait_until_drawn(page, timeout=600)
            yield name, page.screenshot(), time.monotonic() - begun


def size_of(text: str) -> tuple[int, int]:
    """Read a size such as 1440x900."""
    width, _, height = text.lower().partition("x")
    return int(width), int(height)


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("outdir", nargs="?", type=Path, default=README_FOLDER, help="folder that gets the pictures")
    parser.add_argument("--cohort", type=Path, help="a cohort; without it the simulated patients")
    parser.add_argument("--label", help="the column that names the groups")
    parser.add_argument("--pages", nargs="+", choices=PAGES, default=PAGES, metavar="PAGE", help=", ".join(PAGES))
    parser.add_argument("--size", type=size_of, default=(1440, 900), metavar="WxH", help="of the window: 1440x900")
    parser.add_argument("--theme", choices=("light", "dark"), default="light")
    parser.add_argument("--choose", nargs="*", default=[], metavar="NAME=VALUE", help="further choices: a=P01 t=0.3")
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> int:
    """Write the pictures and say which, how large, and how long each page took."""
    wanted = arguments(given)
    workspace = Workspace(wanted.cohort.resolve().parent if wanted.cohort else wanted.outdir)
    first = workspace.key_of(wanted.cohort) if wanted.cohort else PATIENTS
    choices = dict(choice.split("=", 1) for choice in wanted.choose) | {"theme": wanted.theme}
    if wanted.label:
        choices["label"] = wanted.label
    wanted.outdir.mkdir(parents=True, exist_ok=True)
    cohorts = {} if wanted.cohort else {page: {"cohort": cohort} for page, cohort in SHOWN_ON.items()}
    with application(workspace, first, at_once=True) as address:
        for name, picture, seconds in shoot(address, wanted.pages, choices, wanted.size, cohorts=cohorts):
            path = wanted.outdir / f"{name.lower()}.png"
            path.write_bytes(small_png(picture))
            print(f"{path} {path.stat().st_size / 1000:.0f} kB, drawn after {seconds:.1f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
