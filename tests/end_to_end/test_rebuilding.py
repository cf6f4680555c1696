"""What is done again when something changes: that, what depends on it, and no more."""

import csv
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pydicom
import pytest
from projects import SETTINGS, Home, assignments, content, made_anew, rebuilt
from pydicom.uid import generate_uid

from assets import incremental
from assets.graph import STAGES
from echomort.core.code import Reached, file_meaning
from echomort.settings import Settings

pytestmark = pytest.mark.slow

SCORED = {"fusion", "evaluation", "report", "champion", "model_card", "risk_scores"}


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
    """Make every stage see another meaning of one file of the product."""

    def change(file: str) -> None:
        known = incremental.Stage.reached

        def reached(stage: incremental.Stage, settings: Settings | None = None) -> Reached:
            found = known(stage, settings)
            parts = {part: digest + "'" * (part == f"file {file}") for part, digest in found.parts.items()}
            return replace(found, parts=parts)

        monkeypatch.setattr(incremental.Stage, "reached", reached)

    return change


def test_a_second_run_does_nothing(project: Home) -> None:
    before, files = project.ledger(), project.artifacts()
    assert project.stale() == {}
    assert "everything is up to date: nothing to do" in project.rerun()
    assert (project.ledger(), project.artifacts()) == (before, files)


def test_a_second_materialization_of_everything_does_nothing_either(project: Home) -> None:
    before, files = project.ledger(), project.artifacts()
    made = [name for stage in STAGES if not stage.on_request(Settings()) for name in stage.assets]
    said = project.rerun("--select", ",".join(made))
    assert said.startswith("materialized: ") and "ehr_extract" in said
    assert (project.ledger(), project.artifacts()) == (before, files)


def test_another_setting_rebuilds_what_it_decides_and_what_follows(project: Home) -> None:
    before, files = project.ledger(), project.artifacts()
    project.rerun(*assignments({"evaluation.bootstrap": 120}))
    assert rebuilt(before, project.ledger()) == {"evaluation", "report", "champion", "model_card"}
    made = {name.partition("/")[0] for name, stamp in project.artifacts().items() if files.get(name) != stamp}
    assert made <= {"report", "registry"}
    assert project.stale() == {}


def test_status_tells_what_a_setting_makes_stale_and_why(project: Home) -> None:
    config = project.root / "echomort.yaml"
    config.write_text(config.read_text() + "fusion: {ridge: 2.0}\n")
    stale = project.stale()
    assert set(stale) == {*SCORED, "permuted_null"}
    assert stale["fusion"] == "changed: setting fusion.ridge"
    assert stale["permuted_null"].endswith("changed: setting fusion.ridge")
    assert stale["champion"].startswith("waits for evaluation")


def test_one_more_permutation_leaves_the_others(project: Home) -> None:
    config = project.root / "echomort.yaml"
    config.write_text(config.read_text().replace("permutations: 2", "permutations: 3"))
    stale = project.stale()
    assert set(stale) == {"permuted_null", "evaluation", "report", "champion", "model_card", "risk_scores"}


def test_a_setting_that_decides_nothing_rebuilds_no_model(project: Home) -> None:
    before = project.ledger()
    project.rerun(*assignments({"execution.processes": 2, "training.fold_processes": 2}))
    assert rebuilt(before, project.ledger()) == {"report"}


def test_another_version_of_the_code_rebuilds_what_it_makes_and_what_follows(
    project: Home, changed_code: Callable[[str], None]
) -> None:
    changed_code("echomort/evaluation/summary.py")
    stale = project.stale()
    assert set(stale) == {"evaluation", "report", "champion", "model_card", "risk_scores"}
    assert stale["evaluation"] == "changed: echomort/evaluation/summary.py"
    before = project.ledger()
    project.rerun()
    assert rebuilt(before, project.ledger()) == {"evaluation"}, "the same figures came out: the rest is up to date"
    assert project.stale() == {}


def test_a_changed_file_of_the_adapter_is_named_and_can_be_accepted(
    project: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meaning(path: Path) -> str:
        return file_meaning(path) + " LIMIT 1" * (path.name == "death.sql")

    monkeypatch.setattr("warehouse.adapters.extract.file_meaning", meaning)
    changed = "changed: warehouse/adapters/canonical/death.sql"
    assert project.stale()["death"] == changed
    assert project.here("accept", "death").stdout.strip() == "death: 1 made again and the same, 1 adopted"
    assert project.stale()["death"] == f"to check: death_rows_set_aside, death_rows_are_not_lost; {changed}"


def test_a_changed_check_is_named_and_only_what_it_may_block_waits(
    project: Home, changed_code: Callable[[str], None]
) -> None:
    changed_code("warehouse/checks/suites/risk_score.py")
    file = "warehouse/checks/suites/risk_score.py"
    assert project.stale() == {"risk_scores": f"to check: risk_score_expectations; changed: {file}"}
    changed_code("warehouse/checks/assertions/attrition_reconciles.sql")
    stale = project.stale()
    assert stale["cohort"].startswith("to check: attrition_reconciles; changed: ")
    assert stale["view_models"] == "waits for cohort", "the check blocks"


def test_nothing_waits_for_a_check_that_only_warns(project: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    known = incremental.Stage.recipe

    def recipe(stage: incremental.Stage, settings: Settings) -> dict[str, str]:
        return known(stage, settings) | ({"file one.sql": "1"} if stage.name == "check:patient_rows_set_aside" else {})

    monkeypatch.setattr(incremental.Stage, "recipe", recipe)
    assert project.stale() == {"patient": "to check: patient_rows_set_aside; changed: one.sql (new)"}


def test_another_reader_of_files_decodes_every_study_and_stops_where_the_clips_come_out_the_same(
    project: Home, changed_code: Callable[[str], None]
) -> None:
    before, files = project.ledger(), project.artifacts()
    changed_code("echomort/clips/study_writer.py")
    project.rerun()
    assert rebuilt(before, project.ledger()) == {"clips"}
    remade = {name for name, stamp in project.artifacts().items() if files.get(name) != stamp}
    assert remade == {name for name in files if name.startswith("clips/")}


def test_new_code_that_makes_the_same_is_accepted_without_making_everything(
    project: Home, changed_code: Callable[[str], None]
) -> None:
    before, files = project.ledger(), project.artifacts()
    changed_code("echomort/clips/study_writer.py")
    assert project.stale()["clips"].endswith("changed: echomort/clips/study_writer.py")
    said = project.here("accept", "clips", "--sample", "3")
    units = sum(1 for asset, _ in before if asset == "clips")
    assert (said.status, said.stdout.strip()) == (0, f"clips: 3 made again and the same, {units} adopted")
    assert project.stale() == {}
    assert project.artifacts() == files and content(project.ledger()) != content(before)
    assert project.query("SELECT asset, sampled, adopted FROM acceptance") == [("clips", 3, units)]
    assert project.query("SELECT count(*) FROM recipe JOIN acceptance ON digest IN (from_recipe, to_recipe)") == [(2,)]
    assert project.here("accept", "clips").status == 2, "there is nothing left to accept"


def test_new_code_that_makes_something_else_is_not_accepted(
    project: Home, changed_code: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    before, files = project.ledger(), project.artifacts()
    changed_code("echomort/clips/study_writer.py")
    monkeypatch.setattr("echomort.clips.study_writer.digest", lambda *parts: "another")
    said = project.here("accept", "clips", "--sample", "3")
    assert said.status == 2 and "3 of 3 units of clips came out differently" in said.stderr
    assert (project.ledger(), project.artifacts()) == (before, files)
    assert project.query("SELECT * FROM acceptance") == []


def test_another_setting_is_never_accepted_and_a_killed_accept_leaves_nothing(project: Home) -> None:
    config = project.root / "echomort.yaml"
    config.write_text(config.read_text().replace("bootstrap: 100", "bootstrap: 120"))
    left = project.root / ".tmp_accept_killed"
    left.mkdir()
    (left / "vault.duckdb").write_text("identifiers")
    assert project.stale()["evaluation"] == "changed: setting evaluation.bootstrap"
    said = project.here("accept", "evaluation")
    assert said.status == 2 and "no unit of evaluation is stale because of its code alone" in said.stderr
    assert not left.exists()


@pytest.mark.parametrize("asset", ["cohort", "patient", "ehr_models", "evaluation", "champion"])
def test_an_asset_made_as_a_whole_is_accepted_too(
    project: Home, changed_code: Callable[[str], None], asset: str
) -> None:
    changed_code("echomort/core/errors.py")
    files = project.artifacts()
    assert "echomort/core/errors.py" in project.stale()[asset]
    assert project.here("accept", asset).stdout.strip() == f"{asset}: 1 made again and the same, 1 adopted"
    assert "echomort/core/errors.py" not in project.stale().get(asset, "")
    assert project.artifacts() == files


def test_trained_views_are_accepted_by_training_them_again(project: Home, changed_code: Callable[[str], None]) -> None:
    changed_code("echomort/training/loop.py")
    assert "echomort/training/loop.py" in project.stale()["view_models"]
    assert project.here("accept", "view_models", "--sample", "1").stdout.startswith("view_models: 1 made again")
    assert "view_models" not in project.stale()


def test_a_file_touched_costs_one_study_and_stops_there(own: Home) -> None:
    before, files = own.ledger(), own.artifacts()
    linked_file(own).touch()
    assert own.stale()["dicom_archive"] == "changed: input"
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
