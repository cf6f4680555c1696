"""A fixed slice of the fuzzer (tests/fuzz_dicom.py runs as many as one likes)."""

import pytest
from fuzz_dicom import run

SLICE = 250


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 2000, SLICE))
def test_mutated_files_end_in_a_clip_or_a_reason(first: int) -> None:
    counts = run(first, SLICE)
    assert counts.total() == SLICE
    assert counts["unreadable"] <= 0.02 * SLICE
    assert counts["accepted"] > 0


@pytest.mark.parametrize("first", [0, 100_000])
def test_mutated_real_objects_end_in_a_clip_or_a_reason(first: int) -> None:
    assert run(first, 150, "real").total() == 150
