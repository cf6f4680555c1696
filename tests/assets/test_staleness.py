"""What decides a result makes it stale when it changes, wherever the comparison is worked out."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest
from archives import Archive, small_archive
from projects import site_home

from assets import status
from assets.imaging import studies as imaging_studies
from assets.imaging.clips import CLIPS, make_clips
from assets.imaging.dicom_index import DICOM_INDEX, dicom_index, plan_index
from assets.imaging.studies import plan_studies
from assets.incremental import commit_units, stale_units
from assets.project import Project
from assets.sources.dicom_archive import DICOM_ARCHIVE, dicom_archive
from assets.training.motion_controls import plan_controls
from assets.training.permuted_null import plan_permutations
from assets.training.view_models import plan_views
from echomort.clips.decoding import Decoding
from echomort.clips.store import Written
from echomort.clips.study_writer import FROM_INDEX, StudyWriter
from echomort.core import listing
from echomort.core.listing import SourceFile
from echomort.core.once import reading_once
from echomort.dicom.header import parsing
from echomort.dicom.reasons import Reason, Rejected
from echomort.settings import ClipSettings, Imaging

Change = Callable[[Path], object]


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project on an archive of two folders with two files each."""
    for name in ("a/1", "a/2", "b/1", "b/2"):
        (tmp_path / "dicom" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "dicom" / name).write_bytes(b"a file")
    (tmp_path / "ehr").mkdir()
    (tmp_path / "ehr/patients.csv").write_text("number\n")
    return Project(home=site_home(tmp_path, monkeypatch))


def in_place(root: Path) -> None:
    """Write other bytes of the same number into a file, one nanosecond later."""
    file, before = root / "a/1", (root / "a/1").stat()
    file.write_bytes(b"A FILE")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + 1))


def longer_at_the_same_time(root: Path) -> None:
    """Write more into a file, and give it its former time of change."""
    file, before = root / "a/1", (root / "a/1").stat()
    file.write_bytes(b"a longer file")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


CHANGES: dict[str, tuple[Change, int]] = {
    "in place": (in_place, 1),
    "longer": (longer_at_the_same_time, 1),
    "renamed": (lambda root: (root / "a/1").rename(root / "a/9"), 1),
    "moved": (lambda root: (root / "a/1").rename(root / "b/9"), 2),
    "removed": (lambda root: (root / "a/1").unlink(), 1),
    "added": (lambda root: (root / "a/3").touch(), 1),
}
"""What changes in the archive -> how many folders are another's."""


@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_in_the_archive_is_seen_by_the_next_look(opened: Project, tmp_path: Path, change: str) -> None:
    def look() -> tuple[dict[str, str], dict[str, str]]:
        with opened.reader() as connection, reading_once():
            return DICOM_ARCHIVE.made_from(connection, opened), plan_index(opened, "recipe")

    archive, folders = look()
    assert look() == (archive, folders)
    make, changed = CHANGES[change]
    make(tmp_path / "dicom")
    archive_now, folders_now = look()
    assert archive_now != archive
    assert sum(folders_now[key] != folders[key] for key in folders) == changed


def test_what_changes_while_the_states_are_worked_out_is_seen_by_the_next_look(
    opened: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def state() -> str:
        (row,) = [row for row in status.asset_states(opened) if row["asset"] == "dicom_archive"]
        return str(row["why"])

    assert dg.materialize([dicom_archive], resources={"project": opened}).success
    assert state().startswith("to check: ")
    before, walk, walked = plan_index(opened, "recipe"), listing._walk, []

    def walk_and_change(root: Path) -> list[SourceFile]:
        walked.append(root.name)
        found = list(walk(root))
        in_place(root)
        return found

    with monkeypatch.context() as patched:
        patched.setattr(listing, "_walk", walk_and_change)
        assert state().startswith("to check: ")
    assert walked == ["dicom"], "what the archive and its index are compared with is one listing"
    assert state() == "changed: input"
    assert plan_index(opened, "recipe") != before


def test_a_file_that_could_not_be_read_is_tried_again_by_each_run(
    opened: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run() -> tuple[int, list[str]]:
        assert dg.materialize([dicom_archive, dicom_index], resources={"project": opened}).success
        warned = [words for asset, words in status.project_warnings(opened) if asset == "dicom_index"]
        return len(stale_units(opened, DICOM_INDEX)[0]), warned

    opening = parsing._open_regular

    def refuse(path: Path) -> object:
        if path == tmp_path / "dicom/a/1":
            raise PermissionError
        return opening(path)

    with monkeypatch.context() as patched:
        patched.setattr(parsing, "_open_regular", refuse)
        stale, warned = run()
        assert stale == 1
        assert [words.partition(":")[0] for words in warned] == [
            "1 file of the archive can't be read and gives no clip"
        ]
    assert run() == (0, [])


def test_a_study_of_which_a_file_could_not_be_read_is_decoded_again(tmp_path: Path) -> None:
    files = pd.DataFrame([dict.fromkeys(FROM_INDEX, "1")])
    for reason, finished in ((Reason.UNREADABLE_FILE, False), (Reason.NO_FRAME_RATE, True)):
        writer = StudyWriter(tmp_path, files, {"1": "f"}, Imaging())
        assert not writer.written
        writer.add("1", Rejected(reason))
        assert (writer.written["1"].fingerprint == "f") is finished
    assert StudyWriter(tmp_path, files, {"1": "f"}, Imaging()).written == writer.written


def test_a_study_hampered_by_a_busy_machine_is_tried_in_some_runs_and_after_other_limits(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else one busy night would cost it for ever, or a file that always hangs would cost every night its time."""
    context = archive.context()
    found, decoded = Reason.TIMEOUT, list[str]()

    def decode(decoding: Decoding, files: pd.DataFrame, *others: object, **options: object) -> dict[str, Written]:
        studies = StudyWriter(decoding.home, files, decoding.plan, decoding.imaging)
        for file in files[~files["study_key"].isin(studies.written)].itertuples():
            decoded.append(file.study_key)
            studies.add(file.instance_key, Rejected(found if file.study_key == hampered else Reason.NO_SECTOR))
        return studies.written

    def run(project: Project) -> list[str]:
        decoded.clear()
        stale, gone, _ = stale_units(project, CLIPS)
        commit_units(project, CLIPS, make_clips(project, stale, context), gone)
        return sorted({*decoded})

    monkeypatch.setattr(imaging_studies, "decode", decode)
    with archive.project.writer() as connection:
        connection.execute(
            "INSERT INTO instance_link BY NAME SELECT clip_key AS instance_key, study_key, patient_key,"
            " 'accepted' AS status FROM clip"
        )
    studies = sorted(stale_units(archive.project, CLIPS)[0])
    hampered = studies[0]
    assert [run(archive.project) for _ in range(5)] == [studies, [hampered], [hampered], [], []]
    assert any("busy machine (timeout 1)" in words for _, words in status.project_warnings(archive.project))
    limits = archive.settings["imaging"] | {"file_timeout": 90}
    longer = Archive(archive.home, archive.settings | {"imaging": limits}).project
    assert run(longer) == [hampered]
    found = Reason.FRAME_COUNT
    assert [run(longer), run(longer), run(archive.project)] == [[hampered], [], []]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """An archive with headers of its clips. Read it; :func:`archive` is a copy."""
    archive = small_archive(tmp_path_factory.mktemp("small") / "home")
    archive.settings["evaluation"] |= {"controls": "linear", "permutations": 1}
    with archive.project.writer() as connection:
        connection.execute(
            "INSERT INTO dicom_instance BY NAME SELECT clip_key AS instance_key, 'f' AS folder_key, 30 AS fps,"
            " 'accepted' AS status FROM clip;"
            " INSERT INTO study BY NAME SELECT DISTINCT study_key, patient_key FROM clip"
        )
    return archive


@pytest.fixture
def archive(small: Archive, tmp_path: Path) -> Archive:
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(small.home / "warehouse.duckdb", home)
    return Archive(home, small.settings)


def plans(archive: Archive, sql: str = "SELECT 1") -> dict[str, str]:
    """Return unit -> fingerprint of all that is trained on clips, once ``sql`` has changed the warehouse."""
    project = archive.project
    with project.writer() as connection:
        connection.execute(sql)
    with reading_once():
        planned = [plan(project, "recipe") for plan in (plan_views, plan_permutations, plan_controls)]
    return {unit: fingerprint for units in planned for unit, fingerprint in units.items()}


FIRST = "clip_key = (SELECT min(clip_key) FROM clip WHERE view = 'apical_4')"
ITS_STUDY = f"(SELECT study_key FROM clip WHERE {FIRST})"
"""The study has no clip of the other view."""
CHANGED = {
    "pixels": (f"UPDATE clip SET digest = 'other' WHERE {FIRST}", ["apical_4"]),
    "a clip less": (f"UPDATE clip SET status = 'rejected' WHERE {FIRST}", ["apical_4"]),
    "view": (f"UPDATE clip_view SET view = 'parasternal_long' WHERE {FIRST}", ["apical_4", "parasternal_long"]),
    "label": (f"UPDATE cohort SET label = 1 - label WHERE study_key = {ITS_STUDY}", ["apical_4"]),
    "fold": (f"UPDATE cohort SET fold = 3 - fold WHERE study_key = {ITS_STUDY}", ["apical_4"]),
    "patient": (f"UPDATE cohort SET patient_key = 'x' WHERE study_key = {ITS_STUDY}", ["apical_4"]),
    "file": (f"UPDATE ledger SET artifact = 'x' WHERE unit = {ITS_STUDY}", ["apical_4"]),
}
"""What changes -> the statement, and the views whose models, controls and null it makes others."""


@pytest.mark.parametrize("change", CHANGED)
def test_all_that_decides_the_models_of_a_view_makes_them_stale(archive: Archive, change: str) -> None:
    before, (sql, views) = plans(archive), CHANGED[change]
    after = plans(archive, sql)
    assert before.keys() == after.keys()
    of_views = {unit for unit in before if unit.partition("/")[2] in views}
    # Which clips there are decides the headers of them all.
    headers = {unit for unit in before if unit.startswith("headers/")} if change == "a clip less" else set()
    assert len(of_views) == 5 * len(views)
    assert {unit for unit in before if before[unit] != after[unit]} == of_views | headers | {"permutation 1"}


def test_two_labels_that_change_places_make_the_view_stale(archive: Archive) -> None:
    before = plans(archive)
    one_of_each = "SELECT min(study_key) FROM cohort WHERE fold = 0 GROUP BY label"
    after = plans(archive, f"UPDATE cohort SET label = 1 - label WHERE study_key IN ({one_of_each})")
    assert before["cnn_3d/apical_4"] != after["cnn_3d/apical_4"], "as many deaths as before, of others"


def test_a_header_decides_the_control_by_headers_alone(archive: Archive) -> None:
    before = plans(archive)
    after = plans(archive, f"UPDATE dicom_instance SET fps = 31 WHERE instance_{FIRST.replace('clip_key', 'key', 1)}")
    changed = {unit for unit in before if before[unit] != after[unit]}
    assert changed == {"headers/apical_4", "headers/parasternal_long"}


def test_the_order_of_rows_in_the_warehouse_decides_nothing(archive: Archive) -> None:
    before = plans(archive)
    turned = "".join(
        f"CREATE TEMP TABLE turned_{table} AS SELECT * FROM {table} ORDER BY study_key DESC;"
        f"DELETE FROM {table}; INSERT INTO {table} SELECT * FROM turned_{table};"
        for table in ("clip", "clip_view", "cohort", "study")
    )
    assert plans(archive, turned) == before


OF_A_FILE = ("patient_key", "instance_key", "folder_key", "source_digest", "stamp", "view", "view_source")


@pytest.mark.parametrize("column", OF_A_FILE)
def test_all_that_decides_a_clip_makes_its_study_stale(archive: Archive, column: str) -> None:
    def planned(sql: str) -> dict[str, str]:
        with archive.project.writer() as connection:
            connection.execute(sql)
        return plan_studies(archive.project, ClipSettings(), "recipe")

    before = planned("INSERT INTO instance_link BY NAME SELECT instance_key, study_key, patient_key, status FROM clip")
    assert len(before) > 50
    tables = ["instance_link"] if column == "patient_key" else ["dicom_instance"]
    tables += ["instance_link"] if column == "instance_key" else []
    where = f"WHERE instance_key = (SELECT instance_key FROM clip WHERE {FIRST})"
    after = planned("; ".join(f"UPDATE {table} SET {column} = 'another' {where}" for table in tables))
    assert len([study for study in before if before[study] != after[study]]) == 1
    one, other = (plan_studies(archive.project, ClipSettings(), recipe) for recipe in ("recipe", "another"))
    assert one == after and not set(other.values()) & set(after.values())
    (chosen,) = plan_studies(archive.project, ClipSettings(), "recipe", [min(before)]).items()
    assert chosen == (min(before), after[min(before)])
