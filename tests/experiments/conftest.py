"""The archive that the tests of experiments share."""

from pathlib import Path

import pytest
from archives import Archive, small_archive


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """A new small archive, which a test may change."""
    return small_archive(tmp_path / "home")
