"""Has an HDF5 file read by another process first: damage can keep HDF5 busy for ever, where no one can stop it.

HDF5 walks some lists of a file by sizes that stand in the file; a damaged size of the right kind sends it round in a
circle, in C, with the lock held that all reading of HDF5 in a process waits for. The other process is one for all
files, starts with the first of them (0.2 s, while h5py is imported here), and is replaced when it is lost.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

from lotviz.data.problems import CohortError, Problem

_PATIENCE = 60.0  # seconds; the process itself ends long before, but where it waits for a disk that never answers
_MOST_REMEMBERED = 10_000
_READY = "ready"
_PROGRAM = Path(__file__).with_name("trial_process.py")
_KEPT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "HDF5_PLUGIN_PATH")

_lock = threading.Lock()
_ends: dict[tuple[str, int, int, int], str] = {}  # of files tried: the place that reading did not come back from


def prepare_trial() -> None:
    """Start the other process, so that it gets ready while something else is done here."""
    with _lock:
        _reader.start()


def require_readable(path: Path, where: str) -> None:
    """Refuse an HDF5 file that cannot be read to an end; what a readable one holds is looked at by others.

    A file is tried once as long as it stays the same. Where no other process can be started, none is tried.

    Raises
    ------
    CohortError
        Naming the place that reading did not come back from.
    """
    found = path.stat()
    state = (str(path.resolve()), found.st_size, found.st_mtime_ns, found.st_ino)
    with _lock:
        if len(_ends) >= _MOST_REMEMBERED:
            _ends.clear()
        if state not in _ends:
            _ends[state] = _reader.place_of_no_return(state[0])
        place = _ends[state]
    if place:
        what = "Expected a whole AnnData file, found damage that reading never gets past."
        fix = "Copy the file again from where it came, or export it again (AnnData.write_h5ad)."
        raise CohortError(Problem(f"{where}, {place}", what, fix))


class _Reader:
    """The other process, and how it is spoken to."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[str] | None = None
        self.owner = 0
        self.able = True  # until one could not be started

    def start(self) -> None:
        """Start the process where there is none; it is heard first when it is asked."""
        mine = self.process is not None and self.owner == os.getpid()  # after a fork it is the other's
        if not self.able or (mine and self.process.poll() is None):  # type: ignore[union-attr]
            return
        self.stop()
        self.owner = os.getpid()
        own = {name: os.environ[name] for name in _KEPT if name in os.environ}
        with contextlib.suppress(OSError):
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_PROGRAM), *_homes("h5py", "numpy")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                encoding="utf-8",
                env={**own, "OPENBLAS_NUM_THREADS": "1"},
                start_new_session=True,  # it ends with us, not by the keys that interrupt us
            )

    def place_of_no_return(self, path: str) -> str:
        """Read a file there; return the place that reading did not come back from, an empty text where it did."""
        self.start()
        if self.process is None:
            return ""
        clock = threading.Timer(_PATIENCE, self.process.kill)
        clock.start()
        self.able, last = False, ""
        try:
            assert self.process.stdin is not None
            assert self.process.stdout is not None
            self.process.stdin.write(json.dumps(path) + "\n")
            self.process.stdin.flush()
            for line in self.process.stdout:
                last = json.loads(line)
                if not last:
                    return ""
                self.able = True
        except (OSError, ValueError):  # it has ended, perhaps within a line
            pass
        except BaseException:
            self.able = True
            self.stop()
            raise
        finally:
            clock.cancel()
        self.stop()
        return "" if last == _READY else last

    def stop(self) -> None:
        """End the process, whatever it does."""
        if self.process is not None and self.owner == os.getpid():
            self.process.kill()
            self.process.wait()
            for pipe in (self.process.stdin, self.process.stdout):
                with contextlib.suppress(OSError):
                    pipe.close()  # type: ignore[union-attr]
        self.process = None


def _homes(*packages: str) -> list[str]:
    """Return the folders that packages are in, without importing them."""
    found = [importlib.util.find_spec(name) for name in packages]
    return list(dict.fromkeys(str(Path(spec.origin).parents[1]) for spec in found if spec and spec.origin))


_reader = _Reader()
atexit.register(_reader.stop)
