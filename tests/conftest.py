"""What the tests of several rooms share: real cohorts where there are any, and a small simulated one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The same examples in every run, and no test that fails because the machine is busy.
settings.register_profile("lotviz", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("lotviz")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session", autouse=True)
def store_of_the_tests(tmp_path_factory) -> Iterator[Path]:
    """No test, nor any program a test starts, may touch the user's own store of solved samples."""
    folder = tmp_path_factory.mktemp("store") / "transport"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOTVIZ_STORE", str(folder))
        patch.delenv("LOTVIZ_STORE_GB", raising=False)
        yield folder


@pytest.fixture(scope="session")
def real_data() -> Callable[[str], Path]:
    """Find a file or folder of the real cohorts, or skip the test that asks for it."""
    folder = Path(os.environ.get("LOTVIZ_REAL_DATA", ROOT / ".." / "shared" / "data"))

    def find(name: str) -> Path:
        path = folder / name
        if not path.exists():
            pytest.skip(f"needs the real cohort {name}; LOTVIZ_REAL_DATA may name the folder that holds it")
        return path.resolve()

    return find


@pytest.fixture(scope="session")
def small_cohort():
    """Twelve simulated patients with 200 cells and 8 markers each; built once, altered by nobody."""
    from lotviz.data import simulate

    return simulate("patients", samples=12, cells=200, markers=8, seed=3)
