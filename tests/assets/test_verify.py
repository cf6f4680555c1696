"""`echomort verify` finds whatever is missing or damaged, and repair leaves what the next run makes anew."""

import errno
import json
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from assets.incremental.stage import committed_files, missing_files
from assets.project import Project
from assets.verify import repair, verify
from echomort.core.errors import Interruption, UserError
from echomort.core.files import disk_error
from warehouse import ledger, vault
from warehouse.ledger import Entry

ENTRIES = {
    "clips": Entry("s1", "f", "d", "clips/00/s1.safetensors"),
    "view_models": Entry("net/a4c", "f", "d", "models/m1"),
    "report": Entry("all", "f", "d", "report/report.html", {"beside": ["report/report.json"]}),
}
FILES = ("clips/00/s1.safetensors", "models/m1/model.json", "models/m1/fold_0.safetensors", "report/report.html",
         "report/report.json")  # fmt: skip


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project of a few files."""
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode() * 100)
    (tmp_path / "echomort.yaml").write_text("preset: demo\n")
    project = Project(home=str(tmp_path))
    vault.remember(project.vault, "folder", {"key": "name"})
    with project.writer() as connection:
        for asset, entry in ENTRIES.items():
            ledger.record(connection, asset, [entry])
            ledger.record_files(connection, asset, {entry.unit: committed_files(tmp_path, entry)})
    return project


def found(project: Project) -> set[str]:
    return {damage.path for damage in verify(project, lambda done, total: None)}


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_what_was_written_is_found_whole(project: Project) -> None:
    assert found(project) == set()


@pytest.mark.parametrize("spoil", [flip, Path.unlink])
@pytest.mark.parametrize("name", FILES)
def test_every_file_that_is_lost_or_differs_by_one_bit_is_found_and_becomes_stale(
    project: Project, name: str, spoil: Callable[[Path], None]
) -> None:
    spoil(project.root / name)
    assert found(project) == {name}
    assert repair(project, verify(project, lambda done, total: None)) == []
    stale = [asset for asset, entry in ENTRIES.items() if missing_files(project.root, entry)]
    with project.reader() as connection:
        (asset,) = {file.asset for file in ledger.artifact_files(connection) if file.path == name}
    assert stale == [asset]


def test_a_vault_that_is_lost_damaged_or_lacks_names_is_found(project: Project) -> None:
    project.vault.unlink()
    assert found(project) == {"vault.duckdb"}
    project.vault.write_bytes(b"not a database" * 1000)
    assert found(project) == {"vault.duckdb"}
    repair(project, verify(project, lambda done, total: None))
    vault.remember(project.vault, "folder", {"key": "name"})
    with project.writer() as connection:
        ledger.record(connection, "dicom_index", [Entry("other", "f", "d")])
    assert found(project) == {"vault.duckdb"}


@pytest.mark.parametrize("error", [Interruption("in use", "wait"), disk_error(OSError(errno.EIO, ""))])
def test_a_vault_that_can_not_be_opened_now_is_not_taken_for_a_damaged_one(
    project: Project, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuse(*_: object) -> NoReturn:
        raise error

    monkeypatch.setattr(vault, "recall", refuse)
    with pytest.raises(UserError, match=str(error)):
        found(project)


@pytest.mark.parametrize(
    ("name", "content"),
    [("champion.json", "{"), ("champion.json", json.dumps({"candidate": "../..", "manifest_sha256": ""})),
     ("history.json", "[")],
)  # fmt: skip
def test_a_registry_that_can_not_be_read_is_told_with_the_remedy(project: Project, name: str, content: str) -> None:
    (project.root / "registry").mkdir()
    (project.root / "registry" / name).write_text(content)
    (damage,) = repair(project, verify(project, lambda done, total: None))
    assert damage.path == f"registry/{name}" and damage.remedy


def test_a_damaged_candidate_is_removed_and_the_champion_is_made_again(project: Project) -> None:
    folder = project.root / "registry" / "candidates" / "0123"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{}")
    with project.writer() as connection:
        ledger.record(connection, "champion", [Entry("all", "f", "d")])
    assert found(project) == {"registry/candidates/0123"}
    assert repair(project, verify(project, lambda done, total: None)) == []
    assert not folder.exists()
    with project.reader() as connection:
        assert ledger.entries(connection, "champion") == {}


def test_digests_are_replaced_with_their_unit_and_go_with_it(project: Project) -> None:
    with project.writer() as connection:
        ledger.record_files(connection, "clips", {"s1": {"clips/00/s1.safetensors": "0" * 64}})
        ledger.forget(connection, "report", ["all"])
        rows = {(file.asset, file.path) for file in ledger.artifact_files(connection)}
    assert rows == {("clips", FILES[0]), ("view_models", FILES[1]), ("view_models", FILES[2])}
    assert found(project) == {FILES[0]}


def test_risks_made_before_the_outcome_was_known_are_kept_for_ever() -> None:
    import pandas as pd

    from warehouse.connection import connect_in_memory
    from warehouse.tables.risk_score.risks import replace_risks

    def risk(study: str, champion: str, value: float) -> dict[str, object]:
        fields = {"study_key": study, "champion": champion, "model": "video", "clips": 1, "logit": 0.0}
        return fields | {"risk": value, "in_development": False}

    with connect_in_memory() as connection:
        connection.execute("INSERT INTO study (study_key, patient_key) VALUES ('s1', 'p1'), ('s2', 'p2'), ('s3', 'p3')")
        connection.execute("INSERT INTO outcome (study_key, patient_key, label) VALUES ('s1','p1',1), ('s2','p2',NULL)")
        rows = pd.DataFrame([risk("s3", "first", 0.3), risk("s2", "first", 0.2), risk("s1", "first", 0.1)])
        replace_risks(connection, ["s1", "s2", "s3"], rows)
        replace_risks(connection, ["s1", "s2", "s3"], rows)
        replace_risks(connection, ["s2"], pd.DataFrame([risk("s2", "second", 0.4)]))
        connection.execute("UPDATE outcome SET label = 1")
        replace_risks(connection, ["s2", "s3"], pd.DataFrame())
        kept = connection.execute("SELECT study_key, champion, risk FROM prospective_risk ORDER BY number").fetchall()
        assert connection.execute("SELECT count(*) FROM risk_score").fetchone() == (1,)
    assert kept == [("s2", "first", 0.2), ("s3", "first", 0.3), ("s2", "second", 0.4)]


def test_no_day_is_kept_with_a_risk() -> None:
    from warehouse.connection import connect_in_memory

    with connect_in_memory() as connection:
        kinds = connection.execute("SELECT data_type FROM duckdb_columns() WHERE table_name = 'prospective_risk'")
        assert not {kind for (kind,) in kinds.fetchall() if "DATE" in kind or "TIME" in kind}
