"""The project that the slow tests share: made once, whatever the number of test processes."""

import fcntl

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
