"""The command line: the functions of the package from the shell, one JSON object for scripts."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from lotviz.cli.arguments import build_parser
from lotviz.cli.failures import expected_failures, problems_of
from lotviz.cli.interrupt import interruptible
from lotviz.cli.output import Output

FAILED = 1
INTERRUPTED = 130  # 128 + SIGINT, what a shell expects of a program ended by Ctrl-C
STOPPED = "Stopped. No output was left half-written."


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv
        The words after `lotviz`; those of this process when not given. No words at all open the app.

    Returns
    -------
    The exit code: 0, 1 for input that cannot be used, 130 after Ctrl-C.

    Raises
    ------
    SystemExit
        With code 2 when the command or an option is unknown or out of range, as argparse does.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    options = build_parser().parse_args(words or ["serve"])
    with Output(as_json=options.json) as output, interruptible(output.cancel):
        try:
            return int(options.run(options, output))
        except KeyboardInterrupt:
            output.fail(STOPPED)
            return INTERRUPTED
        except BrokenPipeError:
            _silence_stdout()
            return FAILED
        except expected_failures() as error:
            if output.cancel.is_set():
                output.fail(STOPPED)
                return INTERRUPTED
            output.fail(str(error) or type(error).__name__, problems_of(error))
            return FAILED


def _silence_stdout() -> None:
    # The reader of a pipe went away: without this, Python complains again when it flushes at exit
    # (docs.python.org/3/library/signal.html, "Note on SIGPIPE").
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
