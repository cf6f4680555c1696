"""Every number that decides what becomes of an echo file has a name and a line that says what it bounds and why."""

import ast
import io
import itertools
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "echomort" / "dicom").rglob("*.py"))
PLAIN = {0.0, 1.0}
"""Floating point numbers that need no name: nothing and all of something."""


def names(module: Path) -> str:
    return module.relative_to(ROOT).as_posix()


def is_number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and not isinstance(node.value, bool)


def commented_lines(text: str) -> set[int]:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return {token.start[0] for token in tokens if token.type == tokenize.COMMENT and "fmt:" not in token.string}


def unexplained(text: str) -> Iterator[str]:
    """The module's constants that hold a number and have neither a string under them nor a comment on their line."""
    body, comments = ast.parse(text).body, commented_lines(text)
    for statement, following in itertools.zip_longest(body, body[1:]):
        if not isinstance(statement, (ast.Assign, ast.AnnAssign)) or statement.value is None:
            continue
        if not any(map(is_number, ast.walk(statement.value))):
            continue
        is_text = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
        if not (is_text and isinstance(following.value.value, str)) and statement.lineno not in comments:
            yield f"line {statement.lineno}"


def unnamed(text: str) -> Iterator[str]:
    """Comparisons with a fraction that has no name."""
    for comparison in ast.walk(ast.parse(text)):
        if isinstance(comparison, ast.Compare):
            for node in ast.walk(comparison):
                if is_number(node) and isinstance(node.value, float) and node.value not in PLAIN:
                    yield f"line {comparison.lineno}: {node.value}"


@pytest.mark.parametrize("module", MODULES, ids=names)
def test_every_constant_says_what_it_bounds(module: Path) -> None:
    assert list(unexplained(module.read_text())) == []


@pytest.mark.parametrize("module", MODULES, ids=names)
def test_no_threshold_hides_in_a_condition(module: Path) -> None:
    assert list(unnamed(module.read_text())) == []


def test_a_constant_without_its_line_is_noticed() -> None:
    assert list(unexplained("LIT = 16\nGRID = 320\n'''Columns.'''\nSTEP = 2  # rows\n")) == ["line 1"]
    assert list(unnamed("if share > 0.4 * total or share == 1.0:\n    pass\n")) == ["line 1: 0.4"]
