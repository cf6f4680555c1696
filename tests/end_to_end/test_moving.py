"""A project that was moved is the same project, and a copy is another one."""

import fcntl
from pathlib import Path

import pytest
from projects import Home

pytestmark = pytest.mark.slow


def test_nothing_of_a_project_depends_on_where_it_lies(finished: Home, project: Home, tmp_path: Path) -> None:
    moved = Home(project.root.rename(tmp_path / "another place"))
    assert moved.stale() == finished.stale()
    assert "everything is as it was written" in moved.here("verify").stdout
    assert moved.here("champion", "list").stdout == finished.here("champion", "list").stdout


def test_a_copy_shares_nothing_with_its_original(finished: Home, project: Home) -> None:
    files = [path for path in project.root.rglob("*") if path.is_file() and "archive" not in path.parts]
    own = str(finished.root).encode()
    holding = [path.relative_to(project.root).as_posix() for path in files if own in path.read_bytes()]
    assert [name for name in holding if not name.startswith("dagster/") and not name.endswith(".task.json")] == []
    before = finished.ledger(), finished.artifacts()
    with (finished.root / ".run.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert "nothing to do" in project.rerun()
    assert (finished.ledger(), finished.artifacts()) == before
