"""A backup holds what a run can't make again, and a project restored from it goes on with its champion."""

import fcntl
import subprocess
import sys
import tarfile
from pathlib import Path

import duckdb
import pytest
from projects import Home, clean_environment

ROOT = Path(__file__).parents[2]


def backup(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Carry out deploy/backup.py as a person does."""
    command = [sys.executable, ROOT / "deploy/backup.py", *arguments]
    environment = clean_environment() | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def small_home(folder: Path) -> Home:
    """A project of a warehouse and a pointer to a champion."""
    (folder / "registry").mkdir(parents=True)
    (folder / "registry/champion.json").write_text("{}")
    (folder / "audit.jsonl").write_text("")
    duckdb.connect(str(folder / "warehouse.duckdb")).close()
    return Home(folder)


@pytest.mark.slow
def test_a_lost_disk_costs_time_and_no_decision(project: Home, tmp_path: Path) -> None:
    champion = (project.root / "registry/champion.json").read_bytes()
    kept = "SELECT * EXCLUDE (committed_at) FROM ledger WHERE asset = 'prospective_risk'"
    before = (project.query("FROM prospective_risk ORDER BY ALL"), project.query(kept))
    assert before[0], "the project has risks that were made before the outcome"
    file = tmp_path / "kept/backup.tar"
    said = backup("save", project.root, file)
    assert said.returncode == 0, said.stderr
    assert file.stat().st_mode & 0o777 == 0o600 and "not in it: the key" in said.stdout
    project.root.rename(tmp_path / "lost")
    said = backup("restore", file, project.root)
    assert said.returncode == 0, said.stderr
    assert project.root.stat().st_mode & 0o777 == 0o700
    assert (project.root / "vault.duckdb").stat().st_mode & 0o777 == 0o600
    (tmp_path / "lost/archive").rename(project.root / "archive")  # of a site it lies elsewhere
    (tmp_path / "lost/archive.stamp").rename(project.root / "archive.stamp")
    assert project.here("verify", "--repair").status == 0
    project.rerun()
    assert project.stale() == {}
    assert (project.root / "registry/champion.json").read_bytes() == champion
    assert project.query("FROM prospective_risk ORDER BY ALL") == before[0]


def test_what_takes_long_may_be_added(tmp_path: Path) -> None:
    home = small_home(tmp_path / "home")
    (home.root / "models").mkdir()
    (home.root / "models/weights").write_text("")
    assert backup("save", home.root, tmp_path / "a.tar").returncode == 0
    assert backup("save", home.root, tmp_path / "b.tar", "--with", "models").returncode == 0
    with tarfile.open(tmp_path / "a.tar") as a, tarfile.open(tmp_path / "b.tar") as b:
        assert set(b.getnames()) - set(a.getnames()) == {"models", "models/weights"}
        assert {"registry/champion.json", "audit.jsonl", "warehouse.duckdb"} <= set(a.getnames())


@pytest.mark.parametrize("lock", [".run.lock", "dagster/alive/run.lock"])
def test_a_project_on_which_a_run_works_is_not_copied(tmp_path: Path, lock: str) -> None:
    home = small_home(tmp_path / "home")
    (home.root / lock).parent.mkdir(parents=True, exist_ok=True)
    with (home.root / lock).open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        said = backup("save", home.root, tmp_path / "backup.tar")
    assert said.returncode == 2 and "works on this project: wait until it ends" in said.stderr
    assert not (tmp_path / "backup.tar").exists()


def test_an_open_warehouse_is_not_copied(tmp_path: Path) -> None:
    home = small_home(tmp_path / "home")
    with duckdb.connect(str(home.root / "warehouse.duckdb")):
        said = backup("save", home.root, tmp_path / "backup.tar")
    assert said.returncode == 2 and "holds the warehouse" in said.stderr


def test_a_place_that_can_not_be_written_is_one_line(tmp_path: Path) -> None:
    home = small_home(tmp_path / "home")
    assert backup("save", home.root, tmp_path / "a.tar").returncode == 0
    for call in (("save", home.root, Path("/proc/a.tar")), ("restore", tmp_path / "a.tar", Path("/proc/home"))):
        said = backup(*call)
        assert said.returncode == 2 and len(said.stderr.splitlines()) == 1, said.stderr
        assert f"{call[2]} can't be written" in said.stderr


def test_a_disk_that_fills_up_leaves_no_half_of_a_backup(tmp_path: Path) -> None:
    home = small_home(tmp_path / "home")
    (home.root / "models").mkdir()
    (home.root / "models/weights").write_bytes(bytes(2**20))
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (2**19, 2**19)); "
    script = f"{limit}import runpy, sys; runpy.run_path(sys.argv.pop(1), run_name='__main__')"
    command = [sys.executable, "-c", script, ROOT / "deploy/backup.py", "save", home.root, tmp_path / "a.tar"]
    environment = clean_environment() | {"PYTHONPATH": str(ROOT)}
    said = subprocess.run([*command, "--with", "models"], capture_output=True, text=True, check=False, env=environment)
    assert said.returncode == 2 and "a.tar can't be written: free some space" in said.stderr, said.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home"]


def test_a_wrong_call_is_one_line_and_changes_nothing(tmp_path: Path) -> None:
    home = small_home(tmp_path / "home")
    (tmp_path / "no.tar").write_text("no backup")
    calls = (
        ("save", tmp_path / "nowhere", tmp_path / "x.tar"),
        ("save", home.root, tmp_path / "x.tar", "--with", "archive"),
        ("restore", tmp_path / "nowhere.tar", tmp_path / "new"),
        ("restore", tmp_path / "no.tar", tmp_path / "new"),
        ("restore", tmp_path / "no.tar", home.root),
    )
    for call in calls:
        said = backup(*call)
        assert said.returncode == 2 and len(said.stderr.splitlines()) == 1, call
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "no.tar"]
