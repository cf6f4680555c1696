"""`echomort doctor` names what is wrong with a project and what to do, and nothing of a project that is well."""

import json
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import dagster as dg
import pytest
import yaml
from projects import Home
from rich.console import Console

from assets.project import Project
from echomort.core.audit import LOG, Audited, append
from orchestration import run_locks
from orchestration.doctor import Finding, examine
from orchestration.doctor.instance import BEAT_SECONDS, NEEDED, instance_findings
from orchestration.printing.project import print_warnings
from orchestration.run_locks import COMMAND_LINE_TAG, hold_lock
from orchestration.runs import INSTANCE_TEMPLATE, everything_job, prepare_instance
from warehouse import ledger, vault
from warehouse.ledger import Entry
from warehouse.tables.risk_score.seals import seal_kept_risks

KEY = "k" * 32


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that a site has set up and whose tables are made, but empty."""
    monkeypatch.setenv("DAGSTER_HOME", "")
    for name in ("dicom", "ehr"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("content")
    (tmp_path / "key").write_text(KEY)
    (tmp_path / "key").chmod(0o600)
    root = tmp_path / "home"
    root.mkdir(mode=0o700)
    sources = {"dicom": str(tmp_path / "dicom"), "ehr": str(tmp_path / "ehr")}
    chosen = {"sources": sources, "privacy": {"key_file": str(tmp_path / "key")}}
    (root / "echomort.yaml").write_text(yaml.safe_dump(chosen))
    project = Project(home=str(root))
    with project.writer():
        assert project.keyring
    vault.remember(project.vault, "folder", {"key": "name"})
    return root


def found(home: Path, item: str) -> list[Finding]:
    return [finding for finding in examine(home) if finding.item == item]


def troubles(home: Path) -> dict[str, str]:
    """Return item -> state of what is not ok, but for the tables that no run has filled."""
    return {one.item: one.state for one in examine(home) if one.state != "ok" and one.item != "assets"}


def test_nothing_is_wrong_with_a_project_that_is_well_and_nothing_of_it_changes(home: Path) -> None:
    prepare_instance(home)
    append(home, "predict", "done", Audited(["file a"]))
    before = {path: path.stat().st_mtime_ns for path in home.rglob("*") if path.is_file()}
    assert troubles(home) == {}
    after = {path: path.stat().st_mtime_ns for path in home.rglob("*") if path.is_file()}
    assert {path for path in before if after[path] != before[path]} <= {home / "vault.duckdb"}
    items = [finding.item for finding in examine(home)]
    assert {"permissions", "audit log", "key", "echo files", "health records", "warehouse", "versions", "champion",
            "vault", "disk", "instance", "runs", "pools", "daemon", "schedule"} <= set(items)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "mode"), [("", 0o750), ("vault.duckdb", 0o640), ("warehouse.duckdb", 0o604), (LOG, 0o644)]
)
def test_what_others_can_read_is_named_with_the_command_that_closes_it(home: Path, name: str, mode: int) -> None:
    append(home, "labels", "done", Audited())
    (home / name).chmod(mode)
    (finding,) = found(home, "permissions")
    assert finding.state == "fails" and str(home / name) in finding.remedy
    import subprocess

    subprocess.run(finding.remedy, shell=True, check=True)
    assert troubles(home) == {}


def test_a_key_that_is_lost_open_to_others_or_another_one_fails(home: Path) -> None:
    key = home.parent / "key"
    key.chmod(0o644)
    assert "chmod 600" in found(home, "key")[0].remedy
    key.chmod(0o600)
    key.write_text("j" * 32)
    assert "another key" in found(home, "key")[0].what
    key.unlink()
    (finding,) = found(home, "key")
    assert finding.state == "fails" and KEY not in str(finding)


def test_inputs_that_are_away_fail_each_for_itself(home: Path) -> None:
    (home.parent / "dicom").rename(home.parent / "away")
    assert troubles(home)["echo files"] == "fails" and "health records" not in troubles(home)


def test_settings_that_can_not_be_used_are_one_line_and_the_rest_is_examined(home: Path) -> None:
    (home / "echomort.yaml").write_text("training: {no_such_setting: 1}")
    states = {finding.item: finding.state for finding in examine(home)}
    assert states["settings"] == "fails" and states["permissions"] == states["instance"] == "ok"


def test_a_warehouse_that_is_lost_damaged_or_of_a_later_release_is_told(home: Path) -> None:
    with Project(home=str(home)).writer() as connection:
        connection.execute("INSERT INTO migration VALUES (9999, '9999_later')")
    assert "later release" in found(home, "warehouse")[0].what
    (home / "warehouse.duckdb").write_bytes(b"no database" * 1000)
    (home / "warehouse.duckdb").chmod(0o600)
    assert found(home, "warehouse")[0].state == "fails"
    (home / "warehouse.duckdb").unlink()
    assert found(home, "warehouse")[0].state == "warns"


def test_the_library_that_is_not_the_one_that_made_a_result_is_named_with_both_versions(home: Path) -> None:
    from assets.training.fusion import FUSION

    project = Project(home=str(home))
    recipe = FUSION.recipe(project.settings)
    name = next(part for part in recipe if part == "library numpy")
    with project.writer() as connection:
        how = ledger.write_recipe(connection, recipe | {name: "0.0.1"})
        ledger.record(connection, "fusion", [Entry("all", "f", "d", None, {"made_from": {}}, how)])
    (finding,) = found(home, "versions")
    assert finding.state == "warns" and f"{name} 0.0.1 -> {recipe[name]}" in finding.what and "fusion" in finding.what


def test_a_disk_that_is_too_small_for_the_files_that_wait_fails(home: Path) -> None:
    assert found(home, "disk")[0].state == "ok"
    with mock.patch("shutil.disk_usage", return_value=mock.Mock(free=100)):
        (finding,) = found(home, "disk")
    assert finding.state == "fails"


def test_an_erasure_that_did_not_end_is_said_until_another_did(home: Path) -> None:
    """A run after it leaves the patient out of what it makes, and what the erasure did not reach stays."""
    begun = append(home, "erase", "begun", Audited())
    (finding,) = found(home, "erasure")
    assert finding.state == "fails" and "has not ended" in finding.what and "again" in finding.remedy
    console = Console(width=200, record=True)
    print_warnings(home, console)
    assert "the last erasure has not ended" in console.export_text()
    append(home, "erase", "done", Audited(), begun)
    assert not found(home, "erasure")


def test_the_first_broken_line_of_the_audit_log_is_named(home: Path) -> None:
    for _ in range(4):
        append(home, "labels", "done", Audited(["patient a"]))
    lines = (home / LOG).read_bytes().splitlines(keepends=True)
    (home / LOG).write_bytes(b"".join([lines[0], lines[1].replace(b"patient a", b"patient b"), *lines[2:]]))
    (finding,) = found(home, "audit log")
    assert finding.state == "fails" and "line 2 " in finding.what
    (home / LOG).write_bytes(b"".join(lines)[:-20])
    (finding,) = found(home, "audit log")
    assert finding.state == "warns" and "line 4" in finding.what


def test_a_kept_risk_that_was_changed_after_it_was_sealed_fails(home: Path) -> None:
    keep = "INSERT INTO prospective_risk VALUES (1, 's', 'p', 'champion', 'video', 1, 0.0, 0.5, false)"
    with Project(home=str(home)).writer() as connection:
        connection.execute(keep)
        seal_kept_risks(connection)
    (held,) = found(home, "kept risks")
    assert held.state == "ok" and held.what.startswith("1 as they were sealed; the last seal is ")
    with Project(home=str(home)).writer() as connection:
        connection.execute("UPDATE prospective_risk SET risk = 0.4")
    (broken,) = found(home, "kept risks")
    assert broken.state == "fails" and broken.what.startswith("kept risk 1 does not hold") and broken.remedy


def test_every_needed_setting_that_an_older_instance_lacks_is_named_with_the_line_to_add(home: Path) -> None:
    file = prepare_instance(home) / "dagster.yaml"
    settings = yaml.safe_load(file.read_text())
    del settings["run_monitoring"]["free_slots_after_run_end_seconds"], settings["run_launcher"]
    settings["concurrency"]["pools"]["default_limit"] = 2  # the site's own choice
    file.write_text(yaml.safe_dump(settings))
    wrong = [finding for finding in instance_findings(home) if finding.item == "instance"]
    assert [finding.state for finding in wrong] == ["warns", "warns"]
    assert any("`free_slots_after_run_end_seconds: 30` below run_monitoring" in finding.remedy for finding in wrong)
    for finding in wrong:  # doing what it says mends it
        line, _, below = finding.remedy.removeprefix("add `").partition(f" in {file}")[0].partition("`")
        place = settings
        for name in below.removeprefix(" below ").split(".") if below else ():
            place = place[name]
        place.update(yaml.safe_load(line))
    file.write_text(yaml.safe_dump(settings))
    assert [finding.state for finding in instance_findings(home) if finding.item == "instance"] == ["ok"]


def test_the_shipped_instance_has_every_needed_section() -> None:
    assert set(NEEDED) <= yaml.safe_load(INSTANCE_TEMPLATE.read_text()).keys()


@pytest.mark.parametrize("content", [b"no database" * 500, b""])
def test_a_damaged_file_of_the_instance_fails(home: Path, content: bytes) -> None:
    file = next((prepare_instance(home)).rglob("runs.db"))
    file.write_bytes(content)
    (finding,) = [one for one in instance_findings(home) if one.state == "fails"]
    assert "runs.db" in finding.what


def test_a_file_of_the_instance_that_can_not_be_opened_is_not_called_lost(home: Path) -> None:
    (prepare_instance(home) / "shut.db").mkdir()
    (finding,) = [one for one in instance_findings(home) if one.state == "fails"]
    assert "shut.db can't be opened: " in finding.what and "move HOME/dagster away" not in finding.remedy


def test_a_file_of_the_instance_that_was_made_twice_fails(home: Path) -> None:
    file = next((prepare_instance(home)).rglob("runs.db"))
    with sqlite3.connect(file) as opened:
        opened.execute("INSERT INTO alembic_version SELECT 'again' ")
    (finding,) = [one for one in instance_findings(home) if one.state == "fails"]
    assert "twice" in finding.what


@pytest.fixture
def instance(home: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.from_config(str(prepare_instance(home))) as opened:
        yield opened
    for run_id in list(run_locks._HELD):
        run_locks.release_lock(run_id)


def state_of(home: Path, item: str) -> str:
    (state,) = {finding.state for finding in instance_findings(home) if finding.item == item}
    return state


def test_a_run_whose_process_was_killed_and_the_slot_of_one_that_is_over_are_told(
    home: Path, instance: dg.DagsterInstance
) -> None:
    run = instance.create_run_for_job(everything_job(), status=dg.DagsterRunStatus.STARTED, tags=COMMAND_LINE_TAG)
    hold_lock(instance, run.run_id)
    assert state_of(home, "runs") == "ok"
    run_locks.release_lock(run.run_id)
    assert (state_of(home, "runs"), state_of(home, "pools")) == ("warns", "ok")
    storage = instance.event_log_storage
    storage.set_concurrency_slots("gpu", 1)
    assert storage.claim_concurrency_slot("gpu", run.run_id, "step").is_claimed
    instance.report_run_canceled(run)
    storage.claim_concurrency_slot("gpu", run.run_id, "step")
    assert state_of(home, "pools") == "warns"
    run_locks.end_dead_runs(instance)
    assert (state_of(home, "runs"), state_of(home, "pools")) == ("ok", "ok")


def test_a_daemon_that_ended_fails_only_where_something_waits_for_it(home: Path, instance: dg.DagsterInstance) -> None:
    from dagster._core.definitions.run_request import InstigatorType
    from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteInstigatorOrigin, RemoteRepositoryOrigin
    from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus
    from dagster._daemon.types import DaemonHeartbeat

    def beat(seconds_ago: float) -> None:
        for kind in instance.get_required_daemon_types():
            instance.add_daemon_heartbeat(DaemonHeartbeat(time.time() - seconds_ago, kind, kind, []))

    assert state_of(home, "daemon") == "ok"
    origin = RemoteInstigatorOrigin(
        RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("here"), "repository"), "new_files"
    )
    instance.add_instigator_state(InstigatorState(origin, InstigatorType.SENSOR, InstigatorStatus.RUNNING))
    assert state_of(home, "daemon") == "fails"
    beat(1)
    assert state_of(home, "daemon") == "ok"
    beat(BEAT_SECONDS + 60)
    assert state_of(home, "daemon") == "fails"


def test_the_command_says_it_in_lines_or_json_and_its_status_is_1_if_anything_fails(home: Path) -> None:
    done = Home(home).here("doctor", "--json")
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.status == 0 and {record["state"] for record in records} == {"ok", "warns"}
    assert all(record["remedy"] for record in records if record["state"] != "ok")
    os.chmod(home, 0o755)
    done = Home(home).here("doctor")
    assert done.status == 1 and len(done.stdout.splitlines()) == len(records)
    assert done.stdout.splitlines()[0].startswith("fails  permissions")
    none = Home(home.parent / "nothing").here("doctor")
    assert none.status == 2 and none.stderr.count("\n") == 1 and not (home.parent / "nothing").exists()
