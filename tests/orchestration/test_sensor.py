"""The sensor on new files: inputs that come back start a run again, and so does a failed ingest, a few times."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets.project import Project
from orchestration import sensors
from orchestration.sensors import MOST_TRIES, new_files


@pytest.fixture(scope="module")
def shared() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def tick(shared: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Looks at inputs of a name, after the last look left its cursor; the run that it asks for ends with a status."""
    state: dict[str, str | None] = {"cursor": None}
    monkeypatch.setattr(sensors, "extract_fingerprint", lambda settings: "records")
    (tmp_path / "echomort.yaml").write_text("preset: demo\n")

    def look(inputs: str, ending: dg.DagsterRunStatus = dg.DagsterRunStatus.SUCCESS) -> bool:
        monkeypatch.setattr(sensors, "archive_fingerprint", lambda settings: f"{tmp_path}{inputs}")
        context = dg.build_sensor_context(shared, state["cursor"], resources={"project": Project(home=str(tmp_path))})
        result = new_files(context)
        if isinstance(result, dg.SkipReason):
            return False
        state["cursor"] = result.cursor
        (request,) = result.run_requests or ()
        assert request.run_key is None, "Dagster starts no second run of a key"
        run = dg.DagsterRun("ingest", status=ending, tags=request.tags)
        shared.add_run(run)
        return True

    return look


def test_inputs_that_come_back_start_a_run_again(tick: Callable[..., bool]) -> None:
    assert [tick(one) for one in "AABBAAB"] == [True, False, True, False, True, False, True]


def test_a_failed_ingest_is_tried_again_a_few_times(tick: Callable[..., bool]) -> None:
    failed = dg.DagsterRunStatus.FAILURE
    assert [tick("A", failed) for _ in range(MOST_TRIES + 2)] == [True] * MOST_TRIES + [False, False]
    assert tick("B") and not tick("B")
    assert tick("A", failed), "inputs that changed meanwhile are tried again"


def test_a_failed_ingest_that_is_good_at_the_second_try_is_done(tick: Callable[..., bool]) -> None:
    assert tick("A", dg.DagsterRunStatus.FAILURE)
    assert tick("A")
    assert not tick("A")
