"""Folders follow the data: what a module imports lies upstream of it."""

import ast
from collections.abc import Iterator
from pathlib import Path

from embedtrack.challenge.convention import REPOSITORY

PACKAGE = REPOSITORY / "embedtrack"
ORDER = (
    "types", "settings", "optional_packages", "compiled", "model_files", "files", "options", "machine",
    "movies", "tracked", "challenge", "config", "recipe", "method", "model", "checkpoint", "truth", "tracks",
    "looks", "exchange", "simulate", "inference", "methods", "training", "edit", "live", "ship", "viewer", "doctor",
    "batch", "cli", "__main__", "__init__",
)  # fmt: skip
"""Folders and the root's modules, the most upstream first; a method's ``config.py`` belongs to ``config``."""
FACES = {"model", "tracked", "config"}
"""What a user holds in his hands offers what lies downstream, and imports it when it is asked for."""


def room(parts: tuple[str, ...]) -> str:
    return "config" if parts[0] == "methods" and parts[-1] == "config" else parts[0]


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """The rooms that a module imports from when it runs, and whether only a function of it does."""

    def walk(node: ast.AST, inner: bool) -> Iterator[tuple[str, bool]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            if isinstance(child, ast.ImportFrom) and (child.module or "").split(".")[0] == "embedtrack":
                for name in child.names:
                    parts = (*str(child.module).split(".")[1:], name.name)
                    is_module = (PACKAGE.joinpath(*parts).with_suffix(".py")).is_file() or len(parts) == 1
                    yield room(parts if is_module else parts[:-1]), inner
            yield from walk(child, inner or isinstance(child, ast.FunctionDef))

    return walk(ast.parse(path.read_text()), False)


def test_imports_point_upstream():
    rank = {name: number for number, name in enumerate(ORDER)}
    wrong = []
    for path in sorted(PACKAGE.rglob("*.py")):
        here = room(path.relative_to(PACKAGE).with_suffix("").parts)
        for there, inner in imports(path):
            if there in rank and rank[there] > rank[here] and not (inner and here in FACES):
                wrong.append(f"{path.relative_to(PACKAGE)} imports from {there}")
    assert wrong == []


def test_every_room_has_its_place():
    rooms = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert rooms == set(ORDER)
