"""What is done again when something changes: that, what depends on it, and no more."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pydicom
import pytest
from projects import SETTINGS, Home, assignments, made_anew, rebuilt
from pydicom.uid import generate_uid

from assets import imaging, incremental

pytestmark = pytest.mark.slow

SCORED = {"fusion", "evaluation", "report", "champion", "risk_scores"}


@pytest.fixture(scope="module")
def own(finished: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A finished project with an archive and a key of its own; the tests change the archive one after the other."""
    folder = tmp_path_factory.mktemp("own")
    home, archive, key = Home(folder / "home"), folder / "archive", folder / "key"
    shutil.copytree(finished.root / "archive", archive)
    key.write_text("k" * 40)
    key.chmod(0o600)
    named = {"preset": "demo", "sources.dicom": archive / "dicom", "sources.ehr": archive / "ehr"}
    small = {name: value for name, value in SETTINGS.items() if not name.startswith("sources.")}
    home.rerun(*assignments(named | small | {"privacy.key_file": key}))
    return home


@pytest.fixture
def changed_code(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Make every stage see another version of one source."""
    known = incremental.code_version

    def change(source: str) -> None:
        def version(*sources: str) -> str:
            return known(*sources) + ("'" if source in sources else "")

        monkeypatch.setattr(incremental, "code_version", version)
        monkeypatch.setattr(imaging, "code_version", version)

    return change


def test_a_second_run_does_nothing(project: Home) -> None:
    before, files = project.ledger(), project.artifacts()
    assert project.stale() == {}
    assert "everything stands: nothing to do" in project.rerun()
    assert (project.ledger(), project.artifacts()) == (before, files)


def test_a_second_materialization_of_everything_does_nothing_either(project: Home) -> None:
    before, files = project.ledger(), project.artifacts()
    project.rerun("--select", "*")
    assert (project.ledger(), project.artifacts()) == (before, files)


def test_another_setting_rebuilds_what_it_decides_and_what_follows(project: Home) -> None:
    before, files = project.ledger(), project.artifacts()
    project.rerun(*assignments({"evaluation.bootstrap": 120}))
    assert rebuilt(before, project.ledger()) == {"evaluation", "report", "champion"}
    made = {name.partition("/")[0] for name, stamp in project.artifacts().items() if files.get(name) != stamp}
    assert made <= {"report", "registry"}
    assert project.stale() == {}


def test_status_tells_what_a_setting_makes_stale_and_why(project: Home) -> None:
    config = project.root / "echomort.yaml"
    config.write_text(config.read_text().replace("permutations: 2", "permutations: 3"))
    stale = project.stale()
    assert set(stale) == SCORED
    assert stale["fusion"] == "changed: settings" and stale["champion"].startswith("waits for evaluation")


def test_a_setting_that_decides_nothing_rebuilds_no_model(project: Home) -> None:
    before = project.ledger()
    project.rerun(*assignments({"execution.processes": 1, "training.fold_processes": 1}))
    assert rebuilt(before, project.ledger()) == {"report"}


def test_another_version_of_the_code_rebuilds_what_it_makes_and_what_follows(
    project: Home, changed_code: Callable[[str], None]
) -> None:
    changed_code("echomort/evaluation")
    assert set(project.stale()) == {"evaluation", "report", "champion", "risk_scores"}
    before = project.ledger()
    project.rerun()
    assert rebuilt(before, project.ledger()) == {"evaluation"}, "the same figures came out: the rest stands"
    assert project.stale() == {}


def test_another_reader_of_files_decodes_every_study_and_stops_where_the_clips_come_out_the_same(
    project: Home, changed_code: Callable[[str], None]
) -> None:
    before, files = project.ledger(), project.artifacts()
    changed_code("echomort/clips.py")
    project.rerun()
    assert rebuilt(before, project.ledger()) == {"clips"}
    remade = {name for name, stamp in project.artifacts().items() if files.get(name) != stamp}
    assert remade == {name for name in files if name.startswith("clips/")}


def test_a_file_touched_costs_one_study_and_stops_there(own: Home) -> None:
    before, files = own.ledger(), own.artifacts()
    linked_file(own).touch()
    assert own.stale()["dicom_archive"] == "changed: inputs"
    own.rerun()
    after = own.ledger()
    assert rebuilt(before, after) == {"dicom_archive", "dicom_index", "linkage", "clips", "report"}
    assert (made_anew(before, after, "dicom_index"), made_anew(before, after, "clips")) == (1, 1)
    assert {key: row.digest for key, row in before.items() if key[0] == "clips"} == {
        key: row.digest for key, row in after.items() if key[0] == "clips"
    }
    remade = {name.partition("/")[0] for name, stamp in own.artifacts().items() if files.get(name) != stamp}
    assert remade == {"index", "clips", "report"}, "one folder read, one study decoded, nothing trained"
    assert own.stale() == {}


def test_a_new_study_costs_one_study(own: Home) -> None:
    before, files = own.ledger(), own.artifacts()
    studies = own.query("SELECT count(*) FROM study")[0][0]
    add_study(own)
    own.rerun()
    after = own.ledger()
    assert set(before) < set(after)
    assert (made_anew(before, after, "dicom_index"), made_anew(before, after, "clips")) == (1, 1)
    written = [name for name, stamp in own.artifacts().items() if files.get(name) != stamp]
    assert sum(name.startswith("clips/") for name in written) == 1
    assert own.query("SELECT count(*) FROM study") == [(studies + 1,)]
    assert own.stale() == {}


def test_a_folder_removed_takes_its_study_along(own: Home) -> None:
    before = own.ledger()
    shutil.rmtree(linked_file(own).parent)
    own.rerun("--select", "key:dicom_archive or key:dicom_index or key:linkage or key:clips")
    after = own.ledger()
    gone = {asset: sum(1 for key in set(before) - set(after) if key[0] == asset) for asset in ("dicom_index", "clips")}
    assert gone == {"dicom_index": 1, "clips": 1}
    assert made_anew(before, after, "clips") == 0


def test_the_automation_condition_asks_for_exactly_what_a_change_concerns(own: Home) -> None:
    from orchestration.definitions import defs

    before = set(own.stale())
    with dg.DagsterInstance.from_config(str(own.root / "dagster")) as instance:
        first = dg.evaluate_automation_conditions(defs=defs, instance=instance)
        second = dg.evaluate_automation_conditions(defs=defs, instance=instance, cursor=first.cursor)
        assert first.total_requested == second.total_requested == 0
        linked_file(own).touch()
        own.rerun("--select", "dicom_archive")
        asked, cursor = [], second.cursor
        for _ in range(3):
            tick = dg.evaluate_automation_conditions(defs=defs, instance=instance, cursor=cursor)
            cursor = tick.cursor
            names = sorted(result.key.to_user_string() for result in tick.results if result.true_subset.size)
            asked.append(names)
            if names:
                own.rerun("--select", " or ".join(f"key:{name}" for name in names))
        assert asked[0] == ["dicom_index"]
        assert asked[1] == ["clips", "linkage", "report"], "the index came out different: another time of change"
        assert asked[2] == [], "linkage and clips came out the same"
        assert set(own.stale()) == before, "what was stale stays so, and nothing else is"


def linked_file(home: Home) -> Path:
    """Return the first file of a study that has a clip."""
    from warehouse import vault

    ((folder,), *_) = home.query(
        "SELECT folder_key FROM dicom_instance JOIN clip USING (instance_key) WHERE clip.status = 'accepted' ORDER BY 1"
    )
    place = vault.recall(home.root / "vault.duckdb", "folder", [folder])[folder]
    return min((home.root.parent / "archive" / "dicom" / place).iterdir())


def add_study(home: Home) -> None:
    """Record one more study of a known patient: the same pictures under new identifiers, and a row of the records."""
    source = linked_file(home).parent
    target = source.with_name("NEW")
    target.mkdir()
    accession, study_uid = "", generate_uid()
    for file in sorted(source.glob("*.dcm"))[:2]:
        dataset = pydicom.dcmread(file)
        accession = str(dataset.AccessionNumber)
        dataset.StudyInstanceUID, dataset.AccessionNumber = study_uid, "NEW1"
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        dataset.save_as(target / file.name)
    table = home.root.parent / "archive" / "ehr" / "study.csv"
    with table.open() as file:
        one = next(row for row in csv.DictReader(file) if row["study_id"] == accession)
    with table.open("a", newline="") as file:
        csv.DictWriter(file, list(one), lineterminator="\n").writerow(one | {"study_id": "NEW1"})
