"""Bad input and bad luck: one clear line, a non-zero exit, nothing half-written; and after a kill, the same result."""

import contextlib
import ctypes
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
from extracts import person, write_extract
from projects import SETTINGS, Home, Said, assignments, clean_environment, content, copied, rebuilt

from assets.accept import accept
from assets.project import Project
from assets.records.health_records import TABLES
from echomort.core.errors import UserError
from orchestration.runs import _selected, _wanted

KEY = "0123456789abcdef" * 4


def refused(said: Said | subprocess.CompletedProcess[str], *words: str) -> None:
    """Assert that a command ended with one clear line that holds ``words``."""
    status = said.status if isinstance(said, Said) else said.returncode
    (line,) = [line for line in said.stderr.splitlines() if line.startswith("echomort: ")]
    assert status == 2
    assert all(word in line for word in words), line
    assert "Traceback" not in said.stderr + said.stdout
    assert ": " in line.removeprefix("echomort: "), "a line names the problem and the remedy"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """An archive of one's own with hardly anything in it."""
    (tmp_path / "archive" / "dicom").mkdir(parents=True)
    (tmp_path / "archive" / "dicom" / "one.dcm").write_bytes(b"not DICOM")
    write_extract(tmp_path / "archive" / "ehr", {"patient": [person("1")]})
    return tmp_path / "archive"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def named(archive: Path) -> list[str]:
    return assignments({"preset": "demo", "sources.dicom": archive / "dicom", "sources.ehr": archive / "ehr"})


def test_a_missing_folder_is_named(home: Home, archive: Path) -> None:
    shutil.rmtree(archive / "dicom")
    refused(home.here("run", *named(archive), ECHOMORT_KEY=KEY), "sources.dicom", "does not exist")
    assert not (home.root / "warehouse.duckdb").exists()


def test_an_empty_archive_is_named(home: Home, archive: Path) -> None:
    (archive / "dicom" / "one.dcm").unlink()
    refused(home.here("run", *named(archive), ECHOMORT_KEY=KEY), "sources.dicom", "holds no file")


def test_without_a_key_nothing_is_read(home: Home, archive: Path) -> None:
    refused(home.here("run", *named(archive)), "no key for pseudonyms", "ECHOMORT_KEY")
    assert not (home.root / "warehouse.duckdb").exists()


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("training.max_epoch=3", ("unknown setting training.max_epoch", "did you mean training.max_epochs?")),
        ("outcome.horizon_days=-1", ("impossible value for outcome.horizon_days",)),
        ("training.max_epochs", ("is not key=value",)),
        ("preset=large", ("impossible value for preset",)),
        ("training=3", ("impossible value for training",)),
        ("training.max_epochs.deep=3", ("training.max_epochs",)),
        ("training.seed=[1", ("training.seed", "can't be read")),
        ("home=elsewhere", ("home is not a setting", "--home")),
        ("sources.variables=nowhere", ("folder of variables does not exist",)),
        ("sources.adapter=./nowhere", ("there is no adapter ./nowhere", "known: canonical")),
        ("sources.adapter=/", ("sources.adapter holds no contract.csv (/)",)),
    ],
)
def test_a_wrong_setting_is_named(home: Home, assignment: str, words: tuple[str, ...]) -> None:
    refused(home.here("run", "--set", assignment), *words)
    assert not home.root.exists(), "a setting that is refused leaves nothing behind"


@pytest.mark.parametrize("content", ["a: [", "- 1\n- 2", "training: {max_epochs: many}", "\x00"])
def test_a_wrong_configuration_file_is_named(home: Home, tmp_path: Path, content: str) -> None:
    (tmp_path / "own.yaml").write_text(content)
    refused(home.here("run", "--config", str(tmp_path / "own.yaml")))
    refused(home.here("run", "--config", str(tmp_path / "nowhere.yaml")), "does not exist")


def test_an_unknown_setting_is_answered_with_those_that_can_be_set(home: Home) -> None:
    said = home.here("run", "--set", "foo=1")
    refused(said, "unknown setting foo", "known here: clinical_scores")
    assert " home" not in said.stderr


def test_inputs_that_can_not_be_used_leave_no_setting_behind(home: Home, archive: Path) -> None:
    refused(home.here("run", *named(archive / "nowhere"), ECHOMORT_KEY=KEY), "sources.dicom")
    assert not home.root.exists()
    home.root.mkdir()
    (home.root / "echomort.yaml").write_text("preset: demo\n")
    refused(home.here("run", "--set", "sources.variables=../bad"), "folder of variables")
    assert (home.root / "echomort.yaml").read_text() == "preset: demo\n"


@pytest.mark.parametrize("below", ["", "below"])
def test_a_file_in_the_place_of_the_home_is_named(tmp_path: Path, below: str) -> None:
    (tmp_path / "patients.csv").write_text("mrn\n")
    refused(Home(tmp_path / "patients.csv" / below).here("run"), "patients.csv is a file", "--home")


def test_a_wrong_selection_is_named(home: Home) -> None:
    for selection in ("clips and", "(((", "group:nowhere"):
        refused(home.here("run", "--select", selection, *assignments(SETTINGS)), "selection")
    for selection in ("no_such_asset", "clips, no_such_asset+"):
        said = home.here("run", "--select", selection, *assignments(SETTINGS))
        refused(said, "there is no asset no_such_asset", "known: champion, clinical")


def test_what_nobody_asked_for_is_not_selected_for_lying_above_or_below(tmp_path: Path) -> None:
    (tmp_path / "echomort.yaml").write_text("preset: demo\nexperiments: {keep: []}\n")

    def experiments(selection: str) -> set[str]:
        names = {key.to_user_string() for key in _wanted(tmp_path, selection)}
        return {name for name in names if name.startswith("experiment_")}

    assert experiments("+report") == experiments("clips+") == experiments('+key:"report"+') == set()
    assert experiments("+experiment_figure2") == {"experiment_figure2"}
    assert len(experiments("group:experiments")) > 1
    assert len(experiments('key:"experiment_*"')) > 1, "a pattern names what it fits"
    assert experiments('1+key:"report"') == experiments("*report") == set()
    (tmp_path / "echomort.yaml").write_text("preset: demo\nexperiments: {keep: [figure2]}\n")
    assert experiments("+report") == {"experiment_figure2"}


def test_what_a_run_shows_by_one_name_can_be_selected_by_it(home: Home) -> None:
    assert {key.to_user_string() for key in _selected("health_records")} == set(TABLES)
    with pytest.raises(UserError, match="health_records makes several assets: name one: patient, death"):
        accept(Project(home=str(home.root)), "health_records")


def test_a_home_without_a_project_is_named(home: Home) -> None:
    refused(home.here("status"), "there is no project at")
    assert not home.root.exists()


@pytest.mark.slow
def test_a_malformed_table_is_named_with_file_and_line_and_none_of_its_content(home: Home, archive: Path) -> None:
    table = archive / "ehr" / "patient.csv"
    header = "patient_id,birth_date,sex,race\n"
    for text, words in (
        (header + 'SECRET,"1950-01-01,F,White\n2,3\n', ("patient",)),
        ("patient_id,sex,race\nSECRET,F,White\n", ("patient.csv", "has no column birth_date")),
        (
            header + "".join(f"SECRET{n},yesterday,F,White\n" for n in range(10)),
            ("patient", "UNREADABLE_DATE", "YYYY-MM-DD"),
        ),
        ("", ("patient.csv", "has no column")),
    ):
        table.write_text(text)
        said = home.here("run", "--select", "key:ehr_extract or key:patient", *named(archive), ECHOMORT_KEY=KEY)
        refused(said, *words)
        assert "SECRET" not in said.stderr + said.stdout
        assert home.query("SELECT count(*) FROM patient") == [(0,)]


@pytest.mark.slow
def test_a_second_process_that_holds_the_warehouse_is_named(project: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warehouse.connection.LOCK_PAUSES", (0.01, 0.1))  # it waits 12 seconds otherwise
    before = project.ledger()
    code = (
        f"import duckdb, sys; c = duckdb.connect({str(project.root / 'warehouse.duckdb')!r}); print(); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout and holder.stdin
        holder.stdout.readline()
        for command in (("run", "--set", "evaluation.bootstrap=130"), ("status",)):
            refused(project.here(*command), "another process holds the warehouse", str(holder.pid))
        holder.stdin.close()
    assert project.ledger() == before


def test_a_second_run_of_one_project_is_refused_at_once(home: Home) -> None:
    home.root.mkdir()
    with (home.root / ".run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused(home.here("run", "--set", "preset=demo"), "another `echomort run`", "wait until it ends")


@pytest.mark.slow
def test_a_damaged_warehouse_is_named(project: Home) -> None:
    (project.root / "warehouse.duckdb").write_bytes(b"not a database" * 1000)
    refused(project.here("status"), "the warehouse can't be read", "delete it")
    refused(project.here("run"), "the warehouse can't be read", "delete it")


@pytest.mark.slow
def test_a_damaged_or_missing_file_of_clips_is_made_again(project: Home) -> None:
    before, files = content(project.ledger()), sorted((project.root / "clips").rglob("*.safetensors"))
    originals = {file: file.read_bytes() for file in files[:2]}
    files[0].unlink()
    project.rerun()
    assert files[0].read_bytes() == originals[files[0]]
    damaged = bytearray(originals[files[1]])
    damaged[-1000] ^= 1
    files[1].write_bytes(damaged)
    said = project.here("run", *assignments({"training.seed": 2}))
    refused(said, files[1].name, "delete it")
    files[1].unlink()
    project.rerun(*assignments({"training.seed": 1}))
    assert files[1].read_bytes() == originals[files[1]]
    assert content(project.ledger()) == before


@pytest.mark.slow
@pytest.mark.parametrize(
    "pattern", ["views/*/fold_0.safetensors", "views/*/model.json", "manifest.json", "stacks/*.json"]
)
def test_a_model_with_one_byte_changed_predicts_nothing(project: Home, pattern: str) -> None:
    (candidate,) = (project.root / "registry" / "candidates").iterdir()
    file = min(candidate.glob(pattern))
    damaged = bytearray(file.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    file.write_bytes(damaged)
    loop = min((project.root / "archive" / "dicom").rglob("*.dcm"))
    said = project.here("predict", str(loop))
    refused(said, "SHA-256 differs", "restore the folder")
    assert said.stdout == ""


# --- kills -------------------------------------------------------------------------------------------------------

KILLED_WHILE = {
    "clips are made": """
        from echomort.clips import store as clips
        write, seen = clips.write_study, []
        def write_study(*arguments):
            seen.append(write(*arguments))
            if len(seen) == 10:
                os.kill(os.getpid(), signal.SIGKILL)
        clips.write_study = write_study
    """,
    "clips are committed": """
        from warehouse.tables.archive import instances
        replace = instances.replace_clips
        def replace_clips(*arguments):
            replace(*arguments)
            os.kill(os.getpid(), signal.SIGKILL)
        instances.replace_clips = replace_clips
    """,
    "models are committed": """
        from assets.training import view_models
        replace = view_models.replace_scores
        def replace_scores(connection, models, table):
            replace(connection, models, table)
            os.kill(os.getpid(), signal.SIGKILL)
        view_models.replace_scores = replace_scores
    """,
    "the report is written": """
        import os as system
        replace = os.replace
        def slip(source, target):
            if str(target).endswith("report.html"):
                os.kill(os.getpid(), signal.SIGKILL)
            replace(source, target)
        os.replace = slip
    """,
}
"""What breaks off, and the code that breaks it off there."""


def killed(home: Home, code: str) -> None:
    """Start ``echomort run`` with ``code`` in front; it must die by SIGKILL."""
    lines = "\n".join(line.removeprefix(" " * 8) for line in code.splitlines())
    start = "from orchestration.cli.__main__ import main\nsys.argv[0] = 'echomort'\nmain()"
    script = f"import os, signal, sys\n{lines}\n{start}"
    command = [sys.executable, "-c", script, "run", "--home", str(home.root)]
    done = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, timeout=800, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]


def killed_in_training(home: Home) -> None:
    """Kill ``echomort run`` from outside once a fold is being trained, and the trainer that it leaves behind."""
    with subprocess.Popen(
        home.command("run"), env=clean_environment(), stderr=subprocess.PIPE, text=True, process_group=0
    ) as run:
        assert run.stderr
        for line in run.stderr:
            if " epochs; " in line:
                os.killpg(run.pid, signal.SIGKILL)
                break
    assert run.returncode == -signal.SIGKILL


@pytest.mark.slow
def test_a_run_killed_at_any_point_goes_on_to_the_same_result(finished: Home, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.root.mkdir()
    for name in ("archive", "archive.stamp", "echomort.yaml"):
        source = finished.root / name
        (shutil.copytree if source.is_dir() else shutil.copy2)(source, home.root / name)
    killed(home, KILLED_WHILE["clips are made"])
    assert sum(1 for _ in (home.root / "clips").rglob("*.safetensors")) >= 10
    assert "clips" not in {asset for asset, _ in home.ledger()}
    killed(home, KILLED_WHILE["clips are committed"])
    assert "clips" not in {asset for asset, _ in home.ledger()}
    assert home.query("SELECT count(*) FROM clip") == [(0,)]
    killed_in_training(home)
    killed(home, KILLED_WHILE["models are committed"])
    assert home.query("SELECT count(*) FROM score WHERE model LIKE 'view:%'") == [(0,)]
    killed(home, KILLED_WHILE["the report is written"])
    assert not (home.root / "report" / "report.html").exists()
    home.run()
    assert content(home.ledger()) == content(finished.ledger())
    for file in (finished.root / "clips").rglob("*.safetensors"):
        assert (home.root / file.relative_to(finished.root)).read_bytes() == file.read_bytes()
    assert [path for path in home.root.rglob(".tmp_*") if path.parts[len(home.root.parts)] != "dagster"] == []
    assert home.stale() == {}


# --- a full disk -------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Mount disks of so many MB; where that is not permitted, the test is skipped and says so."""
    mounted: list[Path] = []
    libc = ctypes.CDLL(None, use_errno=True)

    def mount(megabytes: int) -> Path:
        place = tmp_path / f"disk{len(mounted)}"
        place.mkdir()
        if libc.mount(b"tmpfs", str(place).encode(), b"tmpfs", 0, f"size={megabytes}m".encode()):
            pytest.skip(f"a small disk can't be mounted here: {os.strerror(ctypes.get_errno())}")
        mounted.append(place)
        return place

    yield mount
    for place in mounted:
        for _ in range(50):
            if libc.umount(str(place).encode()) == 0:
                break
            time.sleep(0.1)


@pytest.mark.slow
def test_a_full_disk_is_named_and_more_room_mends_it(finished: Home, small_disk: Callable[[int], Path]) -> None:
    disk = small_disk(250)
    home = copied(finished, disk / "home")
    before = home.ledger()
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):  # a buffer would fail again on closing
        while file.write(b"0" * (1 << 16)):
            pass
    said = home.echomort("run", *assignments({"evaluation.bootstrap": 140}))
    refused(said, "no space left", "free some space")
    filler.unlink()
    assert home.ledger() == before
    home.run(*assignments({"evaluation.bootstrap": 140}))
    assert rebuilt(before, home.ledger()) == {"evaluation", "report", "champion", "model_card"}
    with duckdb.connect(str(home.root / "warehouse.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM metric").fetchone() != (0,)
