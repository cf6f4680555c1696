"""What a run really executes and opens is among what its fingerprints are made of."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from projects import SETTINGS, Home, assignments, clean_environment

from assets.graph import STAGES
from assets.incremental import Stage
from assets.quality import BY_ASSET
from echomort.core.code import BY_DEFINITION, NOT_FOLLOWED, Code
from echomort.settings import Experiments, Settings

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
WATCH = Path(__file__).with_name("watch")
NOT_DECIDING = {
    "echomort/core/code.py": "works the fingerprints out",
    "assets/training/pipes.py": "named by a command line, and counted as a file",
    "assets/child.py": "begins the process of that command line",
    "echomort/core/installed.py": "compares machines",
    "assets/project.py": "followed by definition",
    "assets/status.py": "asks, and makes nothing",
    "echomort/core/fingerprint.py": "run by the ledger too",
    "echomort/core/once.py": "run by the ledger too",
    "warehouse/ledger.py": "records what was made",
}
"""Files of the product that run while an asset is made and are judged otherwise, each with the reason."""


ASKED_FOR = ("figure5", "flow", "inputs", "study")
"""Experiments that are watched: the others are made by the same functions, on the same kinds of clips."""
WATCHED = SETTINGS | {"experiments.keep": list(ASKED_FOR), "evaluation.suppress_below_events": 1}


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Stage -> the product's files of which code ran, or that were opened, while it worked: child processes too."""
    folder = tmp_path_factory.mktemp("watched")
    home, seen = Home(folder / "home"), folder / "seen"
    seen.mkdir()
    environment = clean_environment() | {
        "ECHOMORT_WATCHED": str(seen),
        "PYTHONPATH": os.pathsep.join([str(WATCH), str(ROOT)]),
    }
    command = home.command("run", *assignments(WATCHED))
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, set[str]] = {}
    for file in seen.iterdir():
        for line in file.read_text().splitlines():
            stage, name = json.loads(line)
            found.setdefault(stage, set()).add(name)
    return found


def test_every_stage_was_watched(watched: dict[str, set[str]]) -> None:
    asked_for = Settings(experiments=Experiments(keep=ASKED_FOR))
    assert {stage.name for stage in STAGES if not stage.on_request(asked_for)} <= set(watched)
    assert "echomort/training/model.py" in watched["view_models"], "a process started by a process"
    assert "echomort/dicom/clip.py" in watched["clips"]
    assert "warehouse/tables/outcome/outcome.sql" in watched["outcomes"]


EVERY = [*STAGES, *(check.stage for checks in BY_ASSET.values() for check in checks)]


@pytest.mark.parametrize("stage", EVERY, ids=lambda stage: stage.name)
def test_what_ran_and_was_opened_decides(watched: dict[str, set[str]], stage: Stage) -> None:
    parts = {part.partition(" ")[2] for part in stage.reached().parts}
    missing = {file for file in watched.get(stage.name, set()) if file not in parts and not _judged_otherwise(file)}
    assert missing == set()


def _judged_otherwise(file: str) -> bool:
    """Whether a file counts by definition, is of an adapter (the settings say which), or makes no result."""
    module = file.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
    is_face = (found := Code().module(module)) is not None and found.is_face
    by_definition = any(module == one or module.startswith(f"{one}.") for one in (*BY_DEFINITION, *NOT_FOLLOWED))
    once = file.startswith("warehouse/migrations/")  # applied once, by number
    adapter = file.startswith("warehouse/adapters/") and file.count("/") == 3 and not file.endswith(".py")
    return file in NOT_DECIDING or by_definition or is_face or once or adapter


def test_the_watcher_sees_nothing_without_being_asked() -> None:
    code = "import sys; print(sys.getprofile())"
    environment = clean_environment() | {"PYTHONPATH": str(WATCH)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "None"
