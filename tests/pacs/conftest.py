"""A study, a champion of random weights, and a project that has it."""

import pytest
from champions import written_champion
from pacs_studies import write_loop
from projects import Home


@pytest.fixture(scope="session")
def registry(tmp_path_factory):
    return written_champion(tmp_path_factory.mktemp("pacs_registry"), folds=2)


@pytest.fixture
def home(tmp_path, registry):
    (tmp_path / "home").mkdir()
    (tmp_path / "home/registry").symlink_to(registry)
    return Home(tmp_path / "home")


@pytest.fixture
def study(tmp_path):
    """Two loops of one study."""
    for number in (1, 2):
        write_loop(tmp_path / "study" / f"{number}.dcm", number)
    return tmp_path / "study"
