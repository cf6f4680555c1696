"""The order of the files of tests, and the project that the slow ones share: made once by all test processes."""

import fcntl
from pathlib import Path

import hypothesis
import pytest
from projects import SETTINGS, Home, assignments, copied

hypothesis.settings.register_profile("untimed", deadline=None)  # how long an example takes is no behaviour
hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A project run to its end on a small embedded archive. Read it; copy it before changing it."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if base.name.startswith("popen-gw") else base
    home = Home(shared / "finished")
    with (shared / "finished.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "finished.done").exists():
            home.run(*assignments(SETTINGS))
            (shared / "finished.done").touch()
    return home


@pytest.fixture
def project(finished, tmp_path):
    """A copy of the finished project."""
    return copied(finished, tmp_path / "home")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files with slow tests first, so that no process works on one while the others have nothing left.

    The first of all makes the project that is shared. Meanwhile the others work on those that don't need it.
    """
    slow: dict[Path, bool] = {}
    for item in items:
        if item.get_closest_marker("slow"):
            slow[item.path] = slow.get(item.path, False) or "finished" in getattr(item, "fixturenames", ())
    first = next((path for path, is_shared in slow.items() if is_shared), None)
    items.sort(key=lambda item: (item.path != first, item.path not in slow, slow.get(item.path, False)))
