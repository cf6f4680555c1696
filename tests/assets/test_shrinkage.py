"""Half an archive, or half an extract, is not taken for the whole one: nothing changes until a person says so."""

import shutil
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest
from extracts import clean_records, write_extract
from projects import site_home

from assets.checks.running import check_results
from assets.imaging.dicom_index import DICOM_INDEX, FILES, files_by_folder
from assets.incremental import commit_units, stale_units
from assets.project import Project
from assets.quality import BY_ASSET
from assets.records.health_records import health_records
from assets.shrinkage import ACCEPTED_TAG, ARCHIVE_CHECK, FEWEST, is_accepted, most_gone, refuse_loss, too_many_gone
from assets.sources.dicom_archive import dicom_archive
from assets.sources.ehr_extract import ehr_extract
from echomort.core.errors import UserError
from echomort.core.keys import KEY_ID_FILE
from echomort.settings import Settings
from echomort.settings.sections import Sources, Synthetic
from warehouse import ledger, vault
from warehouse.ledger import Entry

FOLDERS, FILES_EACH = 12, 3


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Project]:
    """Opens the project, as a new command does, on an archive of files and an extract of 60 patients."""
    for folder in range(FOLDERS):
        for file in range(FILES_EACH):
            path = tmp_path / "dicom" / f"{folder:02d}" / f"{file}.dcm"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"a file")
    write_extract(tmp_path / "ehr", clean_records(1))
    home = site_home(tmp_path, monkeypatch)
    return lambda: Project(home=home)


def indexed(project: Project) -> None:
    """Take the archive as it is, and index it: what the index says of each folder does not matter here."""
    assert dg.materialize([dicom_archive], resources={"project": project}).success
    stale, gone, _ = stale_units(project, DICOM_INDEX)
    counts = files_by_folder(project.settings, project.keyring)
    (project.root / "index").mkdir(exist_ok=True)
    made = []
    for unit in stale:
        (project.root / "index" / f"{unit}.json").write_text("[]")
        made.append(Entry(unit, "f", "d", f"index/{unit}.json", {FILES: counts[unit]}))
    commit_units(project, DICOM_INDEX, made, gone)


def checked(project: Project, accepted: bool = False) -> dg.AssetCheckResult:
    (check,) = [one for one in BY_ASSET["dicom_archive"] if one.spec.name == ARCHIVE_CHECK]
    assert check.spec.blocking
    (result,) = check_results(project, [check], accepted)
    return result


def moved_away(tmp_path: Path, folders: int) -> None:
    for folder in sorted((tmp_path / "dicom").iterdir())[:folders]:
        shutil.move(folder, tmp_path / "away" / folder.name)


@pytest.mark.parametrize("folders", [2, FOLDERS // 2, FOLDERS - 1])
def test_a_part_of_the_archive_that_is_away_stops_what_lies_below(
    opened: Callable[[], Project], tmp_path: Path, folders: int
) -> None:
    indexed(opened())
    assert checked(opened()).passed
    (tmp_path / "away").mkdir()
    moved_away(tmp_path, folders)
    assert dg.materialize([dicom_archive], resources={"project": opened()}).success
    result = checked(opened())
    assert not result.passed and result.severity is dg.AssetCheckSeverity.ERROR
    words = str(result.metadata["failed"].value)
    assert f"{folders * FILES_EACH} of {FOLDERS * FILES_EACH} files" in words and "--accept-removals" in words
    with pytest.raises(UserError, match="--accept-removals"):  # the index alone, without the check
        commit_units(opened(), DICOM_INDEX, [], stale_units(opened(), DICOM_INDEX)[1])
    for folder in (tmp_path / "away").iterdir():
        shutil.move(folder, tmp_path / "dicom" / folder.name)
    assert dg.materialize([dicom_archive], resources={"project": opened()}).success
    assert checked(opened()).passed, "mounted again"


def test_a_removal_on_purpose_is_accepted_once(opened: Callable[[], Project], tmp_path: Path) -> None:
    indexed(opened())
    (tmp_path / "away").mkdir()
    moved_away(tmp_path, 6)
    assert dg.materialize([dicom_archive], resources={"project": opened()}).success
    assert not checked(opened()).passed
    assert checked(opened(), accepted=True).passed
    indexed(opened())
    with opened().reader() as connection:
        assert len(ledger.entries(connection, "dicom_index")) == FOLDERS - 6
    moved_away(tmp_path, 4)
    assert dg.materialize([dicom_archive], resources={"project": opened()}).success
    assert checked(opened()).passed, "18 files are too few to judge"


def test_an_extract_that_lost_rows_changes_nothing(opened: Callable[[], Project], tmp_path: Path) -> None:
    assets = [ehr_extract, health_records]
    assert dg.materialize(assets, resources={"project": opened()}).success
    with opened().reader() as connection:
        before = ledger.entries(connection, "contact")
    rows = clean_records(1)
    write_extract(tmp_path / "ehr", rows | {"contact": rows["contact"][: len(rows["contact"]) // 2]})
    with pytest.raises(UserError, match=r"rows of table contact .* gone .*--accept-removals"):
        dg.materialize(assets, resources={"project": opened()})
    with opened().reader() as connection:
        assert ledger.entries(connection, "contact") == before
        assert connection.execute("SELECT count(*) FROM contact").fetchone() == (before["all"].details["contact rows"],)
    assert dg.materialize(assets, resources={"project": opened()}, tags={ACCEPTED_TAG: "yes"}).success


def test_few_rows_and_small_shares_may_go() -> None:
    assert too_many_gone("files", FEWEST - 1, FEWEST - 1, 0.1) == ""
    assert too_many_gone("files", 10, 100, 0.1) == "" != too_many_gone("files", 11, 100, 0.1)
    refuse_loss({"patient": 100, "death": 10}, {"patient": 95, "death": 1}, 0.1)
    with pytest.raises(UserError, match="100 of 100 rows of table patient"):
        refuse_loss({"patient": 100}, {}, 0.1)
    assert is_accepted({ACCEPTED_TAG: "yes"}) and not is_accepted({})


def test_an_embedded_archive_that_is_drawn_anew_may_lose_everything() -> None:
    own = Settings(sources=Sources(dicom=Path("/archive"), ehr=Path("/ehr")))
    assert most_gone(own) == own.sources.most_gone < most_gone(Settings(sources=Sources(synthetic=Synthetic()))) == 1


def test_a_lost_vault_is_made_anew(opened: Callable[[], Project]) -> None:
    assets = [dicom_archive, ehr_extract, health_records]
    assert dg.materialize(assets, resources={"project": opened()}).success

    def known() -> list[int]:
        project = opened()
        with project.reader() as connection:
            keys = [key for (key,) in connection.execute("SELECT patient_key FROM patient").fetchall()]
        folders = files_by_folder(project.settings, project.keyring)
        return [len(vault.recall(project.vault, *about)) for about in (("patient", keys), ("folder", list(folders)))]

    before = known()
    assert before[0] > 0 and before[1] == FOLDERS
    opened().vault.unlink()
    assert dg.materialize(assets, resources={"project": opened()}).success
    assert known() == before


def test_another_key_is_refused_in_one_line(opened: Callable[[], Project], monkeypatch: pytest.MonkeyPatch) -> None:
    noted = opened().keyring.key_id
    assert (opened().root / KEY_ID_FILE).read_text().strip() == noted
    monkeypatch.setenv("ECHOMORT_KEY", "another" * 10)
    with pytest.raises(UserError, match=rf"made with another key \(key id {noted}.*new home"):
        _ = opened().keyring
