"""The rooms of echomort.dicom import one way: header <- frames, header <- tissue, and the top level joins them."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = "echomort.dicom"
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "echomort" / "dicom").rglob("*.py"))
}
BELOW = {"header": set(), "frames": {"header"}, "tissue": {"header"}}
"""Rooms that the modules of a room may import besides their own."""


def imported(path: Path) -> set[str]:
    """The modules of the package that a file imports, lazily or not."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not is_for_types_only(node, path):
            found |= {
                name if (name := f"{node.module}.{alias.name}") in MODULES else node.module for alias in node.names
            }
    return {name for name in found if name in MODULES}


def is_for_types_only(node: ast.ImportFrom, path: Path) -> bool:
    tree = ast.parse(path.read_text())
    blocks = [block for block in tree.body if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.dump(block.test)]
    return any(block.lineno <= node.lineno <= (block.end_lineno or 0) for block in blocks)


def room(module: str) -> str | None:
    inner = module.removeprefix(f"{PACKAGE}.").split(".")
    return inner[0] if inner[0] in BELOW else None


def test_no_module_imports_another_in_a_circle() -> None:
    list(TopologicalSorter({name: imported(path) for name, path in MODULES.items()}).static_order())


def test_no_module_imports_the_package_that_imports_it() -> None:
    assert [name for name, path in MODULES.items() if PACKAGE in imported(path)] == []


def test_a_room_imports_only_what_lies_below_it() -> None:
    for name, path in MODULES.items():
        if here := room(name):
            others = {room(module) for module in imported(path)} - {here}
            outside = {module for module in imported(path) if room(module) is None}
            assert others - {None} <= BELOW[here], name
            assert outside <= {f"{PACKAGE}.reasons"}, name
