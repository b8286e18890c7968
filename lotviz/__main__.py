"""Runs the command line as `python -m lotviz`."""

from __future__ import annotations

import sys

from lotviz.cli import main

if __name__ == "__main__":
    sys.exit(main())
