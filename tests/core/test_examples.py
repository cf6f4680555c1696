"""Every example in a docstring gives what it says."""

import doctest
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = re.compile(r"^\s*>>> ", re.MULTILINE)
FILES = [
    path.relative_to(ROOT).with_suffix("")
    for package in ("echomort", "warehouse", "assets", "orchestration")
    for path in sorted((ROOT / package).rglob("*.py"))
    if EXAMPLE.search(path.read_text())
]
MODULES = [".".join(file.parts).removesuffix(".__init__") for file in FILES]
SHOWN = ("core", "settings", "dicom", "vocabulary", "clinical_scores", "evaluation")
"""Rooms of the library whose functions a person calls first."""


@pytest.mark.parametrize("module", MODULES)
def test_examples(module: str) -> None:
    results = doctest.testmod(importlib.import_module(module), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert results.attempted > 0 and results.failed == 0


@pytest.mark.parametrize("room", SHOWN)
def test_what_a_person_calls_first_has_examples(room: str) -> None:
    assert [module for module in MODULES if module.startswith(f"echomort.{room}.")]
