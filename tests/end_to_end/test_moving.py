"""A project that was moved is the same project."""

from pathlib import Path

import pytest
from projects import Home

pytestmark = pytest.mark.slow


def test_nothing_of_a_project_depends_on_where_it_lies(finished: Home, project: Home, tmp_path: Path) -> None:
    moved = Home(project.root.rename(tmp_path / "another place"))
    assert moved.stale() == finished.stale()
    assert "everything is as it was written" in moved.here("verify").stdout
    assert moved.here("champion", "list").stdout == finished.here("champion", "list").stdout
