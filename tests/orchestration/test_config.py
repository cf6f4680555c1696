"""What a project remembers of its settings, what a call changes in them, and where each was set."""

import fcntl
import json
import os
import shutil
from pathlib import Path

import pytest
import yaml
from extracts import person, write_extract
from projects import Home, Said, assignments

from echomort.core.errors import UserError
from echomort.settings import read_layers, setting_origins, validate
from orchestration import runs
from orchestration.cli import projects
from orchestration.cli.projects import change_lines
from warehouse.adapters.extract import adapter_folder

KEY = "0123456789abcdef" * 4


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home whose settings are stored, and whose graph is not run."""
    monkeypatch.setattr(runs, "_stale", lambda home: [])
    for name in ("print_results", "print_accounts", "print_warnings"):
        monkeypatch.setattr(f"orchestration.printing.project.{name}", lambda *_: None)
    return Home(tmp_path / "home")


@pytest.fixture
def site(tmp_path: Path) -> list[str]:
    """The options that name a site's archive and records."""
    (tmp_path / "dicom").mkdir()
    (tmp_path / "dicom" / "one.dcm").write_bytes(b"not DICOM")
    write_extract(tmp_path / "ehr", {"patient": [person("1")]})
    return assignments({"sources.dicom": tmp_path / "dicom", "sources.ehr": tmp_path / "ehr"})


def remembered(home: Home) -> dict[str, object]:
    return yaml.safe_load((home.root / "echomort.yaml").read_text())


def shown(said: Said) -> dict[str, tuple[object, str]]:
    rows = map(json.loads, said.stdout.splitlines())
    return {row["key"]: (row["value"], row["origin"]) for row in rows}


# --- where a setting was set ----------------------------------------------------------------------------------------


def test_the_origin_of_a_value_is_the_last_place_that_sets_it(home: Home, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("preset: demo\ntraining: {batch: 3, seed: 3, patience: 3, max_epochs: 3}\n")
    flags = ("--config", str(tmp_path / "own.yaml"), *assignments({"training.seed": 5, "training.max_epochs": 5}))
    origins = shown(home.here("config", "show", "--json", *flags, ECHOMORT__TRAINING__PATIENCE="4"))
    assert origins["preset"] == ("demo", "--config")
    assert origins["training.batch"] == (3, "--config")
    assert origins["training.patience"] == (4, "environment")
    assert origins["training.seed"] == origins["training.max_epochs"] == (5, "--set")
    assert origins["training.optimizer"] == ("adam", "preset demo")
    assert "training.network" not in origins and not home.root.exists()


def test_what_a_home_remembers_is_the_homes(home: Home) -> None:
    home.rerun("--set", "preset=demo", "--set", "training.seed=7")
    said = home.here("config", "show")
    assert "home         training.seed: 7" in said.stdout.splitlines()
    every = shown(home.here("config", "show", "--json", "--all"))
    assert every["training.network"] == ("cnn_3d", "default") and len(every) > 100


def test_every_setting_has_an_origin_whatever_the_value() -> None:
    flags = {"sources.synthetic": {}, "imaging.frame_rates": {"Vivid": 50.0}, "training.views": ["apical_4"]}
    found = {row.key: row for row in setting_origins(read_layers(None, flags, {}))}
    assert found["sources.synthetic.patients"].origin == "default"
    assert found["imaging.frame_rates"].as_record()["value"] == {"Vivid": 50.0}
    assert found["training.views"].as_record() == {"key": "training.views", "value": ["apical_4"], "origin": "--set"}


def test_a_home_without_a_project_has_no_settings_to_show(home: Home) -> None:
    said = home.here("config", "show")
    assert said.status == 2 and "there is no project at" in said.stderr and "--config" in said.stderr


def test_the_key_is_never_shown(home: Home, site: list[str], tmp_path: Path) -> None:
    (tmp_path / "key").write_text(KEY)
    said = home.here(
        "config", "show", "--all", *site, "--set", f"privacy.key_file={tmp_path / 'key'}", ECHOMORT_KEY=KEY
    )
    assert f"privacy.key_file: {tmp_path / 'key'}" in said.stdout and KEY not in said.stdout + said.stderr


# --- what a call changes --------------------------------------------------------------------------------------------


def test_a_call_says_what_it_changes_and_only_that(home: Home) -> None:
    first = home.rerun("--set", "preset=demo", "--set", "training.seed=7")
    assert "->" not in first
    assert "training.seed: 7 -> 9" in home.rerun("--set", "training.seed=9").splitlines()
    assert "->" not in home.rerun() + home.rerun("--set", "training.seed=9")
    assert remembered(home)["training"] == {"seed": 9}


def test_a_configuration_says_which_earlier_settings_it_forgets(home: Home, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("preset: demo\ntraining: {batch: 8}\n")
    config = ("--config", str(tmp_path / "own.yaml"))
    home.rerun(*config, "--set", "training.seed=9")
    (line,) = [line for line in home.rerun(*config).splitlines() if "->" in line]
    assert line.startswith("training.seed: 9 -> 1 (forgotten: --config replaces")


def test_another_preset_is_one_line_and_the_number_of_those_that_follow() -> None:
    lines = change_lines({"preset": "demo"}, {"preset": "paper", "sources": {"synthetic": {}}})
    assert lines[0] == "preset: demo -> paper" and len(lines) == 2
    assert lines[1].endswith("more settings follow from preset: `echomort config show` lists them")


def test_a_home_whose_settings_a_release_no_longer_knows_can_be_set_anew() -> None:
    assert change_lines({"training": {"gone": 1}}, {"preset": "demo"}) == []


# --- what is refused is not remembered ------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [(), ("--set", "preset=paper"), ("--set", "training.seed=2")])
def test_a_new_home_without_archive_and_records_is_refused(home: Home, given: tuple[str, ...]) -> None:
    said = home.here("run", *given)
    assert said.status == 2 and "no archive and no records" in said.stderr and "preset=demo" in said.stderr
    assert not home.root.exists()


def test_a_configuration_without_sources_does_not_turn_a_site_into_the_demo(
    home: Home, site: list[str], tmp_path: Path
) -> None:
    home.rerun(*site, ECHOMORT_KEY=KEY)
    before = remembered(home)
    (tmp_path / "seed.yaml").write_text("training: {seed: 2}\n")
    said = home.here("run", "--config", str(tmp_path / "seed.yaml"), ECHOMORT_KEY=KEY)
    assert said.status == 2 and "no archive and no records" in said.stderr and remembered(home) == before


@pytest.mark.parametrize("lock", [".run.lock", "dagster/alive/a-run.lock"])
def test_no_setting_changes_while_a_run_works_on_the_project(home: Home, lock: str) -> None:
    """Each step of a run reads the settings of the home: it would go on with those of the command that was refused."""
    home.rerun("--set", "preset=demo")
    before = remembered(home)
    (home.root / lock).parent.mkdir(parents=True, exist_ok=True)
    with (home.root / lock).open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        said = home.here("run", "--set", "training.seed=9")
        assert said.status == 2 and "works on this project: wait until it ends" in said.stderr
        assert remembered(home) == before and "seed" not in said.stdout
        assert lock.startswith("dagster") is (home.here("run").status == 0), "it waits for the pools that it needs"
    assert home.here("run", "--set", "training.seed=9", "--select", "clip").status == 2 and remembered(home) == before
    assert "training.seed: 1 -> 9" in home.rerun("--set", "training.seed=9")


def test_what_a_run_writes_is_closed_to_other_users_whatever_the_umask(home: Home) -> None:
    """A home that an administrator made beforehand may be open to all."""
    home.root.mkdir(mode=0o755)
    before = os.umask(0)
    try:
        home.rerun("--set", "preset=demo")
    finally:
        inside = os.umask(before)
    assert inside == 0, "it is as it was"
    assert not any(file.stat().st_mode & 0o007 for file in home.root.rglob("*"))


def test_a_selection_that_fails_says_what_above_it_was_not_made(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise UserError("there is nothing to report", "make the rest")

    shown: list[list[str]] = []
    monkeypatch.setattr(runs, "run", fail)
    monkeypatch.setattr("orchestration.printing.project.print_stale_above", lambda _, assets, out: shown.append(assets))
    said = home.here("run", "--set", "preset=demo", "--select", "report")
    assert said.status == 2 and "nothing to report" in said.stderr and shown == [["report"]]


@pytest.mark.parametrize("text", ["preset: demo\n", "{}\n"])
def test_a_home_that_was_run_goes_on(home: Home, text: str) -> None:
    home.root.mkdir()
    (home.root / "echomort.yaml").write_text(text)
    assert home.here("run").status == 0


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("imaging.clip.frames=0", "imaging.clip.frames"),
        ("imaging.views.max_clips=30", "max_clips is below min_clips"),
        ("outcome.follow_up=registry", "registry_complete_through"),
        ("sources.time_zone=Middle/Earth", "sources.time_zone"),
        ("sources.time_zone=../key", "sources.time_zone"),
        ("sources.view_table=nowhere.csv", "view table"),
        ("sources.kinds=nowhere.csv", "sources.kinds"),
        ("sources.variables=nowhere", "folder of variables"),
        ("sources.vocabulary=nowhere", "folder of the vocabulary"),
        ("sources.adapter=nothing", "there is no adapter nothing"),
        ("linkage.study.map=nowhere.csv", "nowhere.csv"),
        ("training.views=[apical]", "no such view group"),
        ("imaging.clip.view_sizes={apical: [100, 100]}", "no such view group"),
        ("sources.postgresql.connection_file=nowhere", "sources.extracted_on"),
        ("privacy.key_file=nowhere", "privacy.key_file"),
    ],
)
def test_what_is_refused_at_a_later_look_is_not_remembered_either(
    home: Home, site: list[str], setting: str, words: str
) -> None:
    key = {} if setting.startswith("privacy") else {"ECHOMORT_KEY": KEY}
    home.rerun(*site, ECHOMORT_KEY=KEY)
    before = remembered(home)
    said = home.here("run", "--set", setting, **key)
    assert said.status == 2 and words in said.stderr and len(said.stderr.splitlines()) == 1
    assert remembered(home) == before and home.here("run", ECHOMORT_KEY=KEY).status == 0


def test_a_path_is_remembered_whole_so_that_a_later_call_may_come_from_anywhere(
    home: Home, site: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "p").mkdir()
    shutil.copytree(adapter_folder("canonical"), tmp_path / "p/own")
    (tmp_path / "key").write_text(KEY)
    (tmp_path / "key").chmod(0o600)
    (tmp_path / "scores.csv").write_text("study_id,logit\n1,0.5\n")
    relative = {
        "sources.dicom": "dicom", "sources.ehr": "ehr", "sources.adapter": "p/own", "privacy.key_file": "key",
        "sources.external_scores": "scores.csv",
    }  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "site.yaml").write_text(yaml.safe_dump({"sources": {"dicom": "dicom", "ehr": "ehr"}}))
    said = home.here("run", "--config", "site.yaml", *assignments(relative))
    assert said.status == 0, said.stderr
    monkeypatch.chdir("/")
    assert home.here("run").status == 0
    sources = remembered(home)["sources"]
    assert isinstance(sources, dict) and sources["adapter"] == str(tmp_path / "p/own")
    assert sources["dicom"] == str(tmp_path / "dicom") and sources["external_scores"] == [str(tmp_path / "scores.csv")]
    assert remembered(home)["privacy"] == {"key_file": str(tmp_path / "key")}


def test_an_address_and_the_name_of_an_adapter_stay_as_they_are(home: Home, site: list[str]) -> None:
    chosen = {"sources": {"dicom": "s3://bucket/echo", "ehr": "/x", "adapter": "omop"}}
    assert projects._with_whole_paths(chosen, validate(chosen | {"home": "/h"})) == chosen


def test_a_view_that_the_synthetic_archive_lacks_is_not_remembered(home: Home) -> None:
    said = home.here("run", "--set", "sources.synthetic.views=[apical]")
    assert said.status == 2 and "choose from apical_4" in said.stderr and not home.root.exists()


def test_a_change_that_can_not_be_stored_is_not_announced(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.rerun("--set", "preset=demo")

    def full(*_: object) -> None:
        raise UserError("no space left", "free some space")

    monkeypatch.setattr(projects, "write_text", full)
    said = home.here("run", "--set", "training.seed=9")
    assert said.status == 2 and "->" not in said.stdout


@pytest.mark.parametrize(("error", "told"), [(runs.NotStarted, []), (UserError, ["accounts", "warnings"])])
def test_only_a_run_that_began_tells_what_it_took(
    home: Home, monkeypatch: pytest.MonkeyPatch, error: type[UserError], told: list[str]
) -> None:
    """A wrong selection, or another run on the project, is one line: the counts of an earlier run would bury it."""
    found: list[str] = []

    def fails(*_: object) -> list[str]:
        raise error("there is no asset x", "known: clips")

    monkeypatch.setattr(runs, "run", fails)
    for name in ("accounts", "warnings"):
        monkeypatch.setattr(f"orchestration.printing.project.print_{name}", lambda *_, name=name: found.append(name))
    said = home.here("run", "--set", "preset=demo")
    assert (said.status, found) == (2, told) and "there is no asset x: known: clips" in said.stderr
