"""The rooms stay apart and the rules that protect users hold: read from the source, not from running it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "lotviz"
ASSETS = ROOT / "assets"

# A room may import itself and the rooms named here; cli stands beside app and may only start it.
MAY_IMPORT = {
    "data": set(),
    "transport": {"data"},
    "analysis": {"data", "transport"},
    "views": {"data", "transport", "analysis"},
    "app": {"data", "transport", "analysis", "views"},
    "report": {"data", "transport", "analysis", "views"},
    "cli": {"data", "transport", "analysis", "app", "report"},
}
ONLY_IN = {
    "panel": {"app"},
    "panel_material_ui": {"app"},
    "bokeh": {"views", "app"},
    "holoviews": {"views", "app"},
    "datashader": {"views", "app"},
    "ot": {"transport"},
    "anndata": {"data", "transport"},
    "flowutils": {"data"},
    "sklearn": {"data", "transport", "analysis"},
    "tornado": {"app"},
}
FORBIDDEN_MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
FORBIDDEN_CALLS = {"eval", "exec", "print", "compile", "__import__"}
BROWSER_CODE = {"CustomJS", "js_on_change", "js_on_click", "jscallback", "jslink", "ReactComponent"}
TOP_LEVEL = {
    ".ci", ".gitattributes", ".github", ".gitignore", ".pre-commit-config.yaml", "CHANGELOG.md", "LICENSE",
    "README.md", "assets", "data_examples", "lotviz", "pyproject.toml", "tests",
}  # fmt: skip
TEXT_ASSETS = {".js", ".mjs", ".css", ".svg", ".html", ".json", ".glsl"}


def sources() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path, ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def room_of(path: Path) -> str:
    """`lotviz/data/read.py` -> "data"; files that stand in no room -> ""."""
    parts = path.relative_to(PACKAGE).parts
    return parts[0].removesuffix(".py") if len(parts) > 1 or parts[0] == "cli.py" else ""


def imports(path: Path, tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every imported module, also those of relative imports, as absolute names."""
    package = ("lotviz", *path.relative_to(PACKAGE).parts[:-1])
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join((*package[: len(package) - node.level + 1], node.module or "")) if node.level else ""
            module = (base or node.module or "").rstrip(".")
            yield node.lineno, module
            if module == "lotviz":
                yield from ((node.lineno, f"lotviz.{name.name}") for name in node.names)


def room_imports(path: Path, tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every room of lotviz that a file imports; a public name counts as the room it lives in."""
    import lotviz

    for line, module in imports(path, tree):
        parts = module.split(".")
        if parts[0] != "lotviz" or len(parts) == 1:
            continue
        home = lotviz._HOME.get(parts[1], module).split(".")[1]
        yield line, home


def found(path: Path, line: int, what: str) -> str:
    return f"{path.relative_to(ROOT)}:{line}: {what}"


def calls(tree: ast.AST) -> Iterator[tuple[ast.Call, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func
            yield node, name.attr if isinstance(name, ast.Attribute) else getattr(name, "id", "")


def wrong_rooms(path: Path, tree: ast.AST) -> list[str]:
    room = room_of(path)
    allowed = MAY_IMPORT.get(room, {"cli"}) | {room, "__version__"}
    return [
        found(path, line, f"{room or 'the package itself'} imports {home}")
        for line, home in room_imports(path, tree)
        if home in MAY_IMPORT and home not in allowed
    ]


def wrong_libraries(path: Path, tree: ast.AST) -> list[str]:
    return [
        found(path, line, f"imports {module}")
        for line, module in imports(path, tree)
        if room_of(path) not in ONLY_IN.get(module.split(".")[0], {room_of(path)})
    ]


def test_rooms_are_known():
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir() and any(path.glob("*.py"))}
    assert folders <= set(MAY_IMPORT), "a new room needs its place in MAY_IMPORT"


def test_rooms_import_one_way_only():
    # The package's own __init__ names where its public names live, for type checkers only.
    checked = [(path, tree) for path, tree in sources() if path != PACKAGE / "__init__.py"]
    assert [line for path, tree in checked for line in wrong_rooms(path, tree)] == []


def test_libraries_stay_in_their_rooms():
    assert [line for path, tree in sources() for line in wrong_libraries(path, tree)] == []


def test_nothing_is_unpickled_evaluated_or_printed():
    wrong = []
    for path, tree in sources():
        wrong += [
            found(path, line, f"imports {module}")
            for line, module in imports(path, tree)
            if module.split(".")[0] in FORBIDDEN_MODULES
        ]
        for node, name in calls(tree):
            builtin = isinstance(node.func, ast.Name) and name in FORBIDDEN_CALLS
            unpickles = any(keyword.arg == "allow_pickle" and not _is_false(keyword.value) for keyword in node.keywords)
            if builtin or unpickles or name == "read_pickle":
                wrong.append(found(path, node.lineno, f"calls {name}"))
    assert wrong == []


def _is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def test_only_the_command_line_writes_to_standard_output():
    places = {
        str(path.relative_to(ROOT))
        for path, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "stdout" and _is_name(node.value, "sys")
    }
    # cli/__init__ only hands a closed pipe over to the null device.
    assert places <= {"lotviz/cli/output.py", "lotviz/cli/__init__.py"}


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def test_every_array_file_is_read_without_pickle():
    wrong = [
        found(path, node.lineno, "np.load without allow_pickle=False")
        for path, tree in sources()
        for node, name in calls(tree)
        if name in {"load", "read_array"}
        and isinstance(node.func, ast.Attribute)
        and _root_name(node.func) in {"np", "numpy", "format"}
        and not any(keyword.arg == "allow_pickle" and _is_false(keyword.value) for keyword in node.keywords)
    ]
    assert wrong == []


def _root_name(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def test_no_code_for_the_browser_that_needs_eval():
    wrong = [
        found(path, node.lineno, f"uses {name}")
        for path, tree in sources()
        for node in ast.walk(tree)
        for name in (getattr(node, "attr", None), getattr(node, "id", None), *_imported(node))
        if name in BROWSER_CODE
    ]
    assert wrong == []


def _imported(node: ast.AST) -> list[str]:
    return [name.name for name in node.names] if isinstance(node, (ast.Import, ast.ImportFrom)) else []


def test_classic_panel_widgets_have_no_icon():
    # Their icons are fetched from a content delivery network (panel-material-ui brings its own).
    wrong = [
        found(path, node.lineno, "icon= on a classic widget")
        for path, tree in sources()
        for node, _ in calls(tree)
        if _root_name(node.func) in {"pn", "panel"} and any(keyword.arg == "icon" for keyword in node.keywords)
    ]
    assert wrong == []


def test_at_most_one_broad_except():
    # One that raises again at its end swallows nothing and is not counted.
    broad = [
        found(path, node.lineno, "broad except")
        for path, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler) and _is_broad(node.type) and not _raises_again(node)
    ]
    assert len(broad) <= 1, broad
    assert all(line.startswith("lotviz/app/") for line in broad), broad


def _raises_again(handler: ast.ExceptHandler) -> bool:
    return isinstance(handler.body[-1], ast.Raise) and handler.body[-1].exc is None


def _is_broad(caught: ast.expr | None) -> bool:
    names = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(name is None or getattr(name, "id", "") in {"Exception", "BaseException"} for name in names)


def _defined(body: list[ast.stmt]) -> list[str]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return [node.name for node in body if isinstance(node, kinds) and not node.decorator_list]


def test_nothing_is_defined_twice():
    """A second function of the same name takes the place of the first without a word."""
    found = []
    for path, tree in sources():
        bodies = [tree.body, *(node.body for node in ast.walk(tree) if isinstance(node, ast.ClassDef))]
        for body in bodies:
            found += [f"{path.name}: {name}" for name, count in Counter(_defined(body)).items() if count > 1]
    assert found == []


def test_files_stay_short():
    lengths = {path.relative_to(ROOT): len(path.read_text("utf-8").splitlines()) for path, _ in sources()}
    assert {path: length for path, length in lengths.items() if length > 400} == {}


def test_public_functions_take_few_positional_parameters():
    wrong = [
        found(path, node.lineno, f"{node.name} takes {len(names)} positional parameters")
        for path, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not node.name.startswith("_")
        if not _compiled(node)  # numba knows positional parameters only
        if len(names := _positional(node)) > 4
    ]
    assert wrong == []


def _compiled(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any("njit" in ast.unparse(decorator) for decorator in node.decorator_list)


def _positional(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    names = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
    return names[1:] if names[:1] in (["self"], ["cls"]) else names


def test_assets_name_no_other_host():
    wrong = [
        found(path, number, line.strip()[:80])
        for path in sorted(ASSETS.rglob("*"))
        if path.suffix in TEXT_ASSETS
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        for url in re.findall(r"(?:https?:)?//[\w.-]+\.[a-z]{2,}", line)
        if not re.search(r"//www\.w3\.org$", url)
    ]
    assert wrong == []


def tracked_files() -> list[str]:
    try:
        listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("needs a git clone: a source archive has no list of files")
    return [name for name in listing.split("\0") if name]


def test_top_level_holds_only_the_agreed_names():
    assert {name.split("/")[0] for name in tracked_files()} <= TOP_LEVEL


def test_no_tracked_file_is_large_or_a_leftover():
    names = [name for name in tracked_files() if (ROOT / name).is_file()]
    large = [name for name in names if (ROOT / name).stat().st_size > 2_000_000]
    leftovers = [name for name in names if re.search(r"(__pycache__|\.pyc|\.part|\.orig|~)$", name)]
    assert (large, leftovers) == ([], [])


# The checks themselves: each must see what it is there to see.


@pytest.mark.parametrize(
    ("file", "source", "complaint"),
    [
        ("data/a.py", "from lotviz.transport import embed", "data imports transport"),
        ("data/a.py", "from lotviz import embed", "data imports transport"),
        ("data/a.py", "from ..analysis import classify", "data imports analysis"),
        ("analysis/a.py", "def f():\n    import lotviz.views.theme", "analysis imports views"),
        ("app/a.py", "from lotviz.cli import main", "app imports cli"),
    ],
)
def test_a_wrong_direction_is_seen(file, source, complaint):
    (line,) = wrong_rooms(PACKAGE / file, ast.parse(source))
    assert complaint in line


@pytest.mark.parametrize(
    ("file", "source"),
    [("views/a.py", "import panel as pn"), ("analysis/a.py", "from ot.lp import emd"), ("cli/a.py", "import anndata")],
)
def test_a_misplaced_library_is_seen(file, source):
    assert len(wrong_libraries(PACKAGE / file, ast.parse(source))) == 1


def test_allowed_imports_are_not_complained_of():
    source = textwrap.dedent("""
        from lotviz.data import Cohort
        from . import coupling
        import ot, numpy
    """)
    path = PACKAGE / "transport" / "a.py"
    assert wrong_rooms(path, ast.parse(source)) + wrong_libraries(path, ast.parse(source)) == []


def test_importing_the_package_loads_no_room():
    loaded = subprocess.run(
        [sys.executable, "-c", "import lotviz, lotviz.cli, sys; sys.stdout.write(' '.join(sys.modules))"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert not {"pandas", "numpy", "panel", "ot", "sklearn", "lotviz.data"} & set(loaded.stdout.split())
