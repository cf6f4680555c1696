"""The examples in the docstrings of echomort.dicom give what they say, on a file that ships with pydicom."""

import doctest
from types import ModuleType

import pytest

from echomort.dicom import clip, inspect, reasons
from echomort.dicom.header import parsing, timing, views


@pytest.mark.parametrize("module", [clip, inspect, parsing, reasons, timing, views], ids=lambda module: module.__name__)
def test_examples(module: ModuleType) -> None:
    results = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert results.attempted > 0 and results.failed == 0
