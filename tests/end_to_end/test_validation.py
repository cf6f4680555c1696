"""``echomort validate`` on a finished project, as its own site and as another one, and what it refuses."""

import json
import re
import shutil
from pathlib import Path

import duckdb
import pandas as pd
import pytest
import yaml
from projects import Home, Said, copied

from assets.project import Project
from echomort.champion.fit import require_fit
from echomort.champion.store import champion_name
from echomort.champion.validation import Model, Patients, patients_of
from echomort.core.errors import UserError
from echomort.report.validation.page import require_place
from echomort.settings import load_settings
from orchestration.validation import _scored

pytestmark = pytest.mark.slow

KEY = re.compile(r"\b[0-9a-f]{32}\b")
DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")


def with_settings(home: Home, **changes: object) -> None:
    """Change settings that no table depends on: the project stands as it is."""
    config = home.root / "echomort.yaml"
    tree = yaml.safe_load(config.read_text())
    for key, value in changes.items():
        section, _, name = key.partition("__")
        tree.setdefault(section, {})[name] = value
    config.write_text(yaml.safe_dump(tree))


def as_site(home: Home) -> Home:
    """A project in which few deaths are enough for a figure."""
    with_settings(home, evaluation__suppress_below_events=2, evaluation__bootstrap=100)
    return home


def as_other_site(home: Home, bundle: Path) -> Home:
    """Another site: the same archive without a registry; the champion went into ``bundle``."""
    assert home.here("champion", "export", str(bundle)).status == 0
    shutil.rmtree(home.root / "registry")
    return as_site(home)


@pytest.fixture
def site(project: Home) -> Home:
    return as_site(project)


@pytest.fixture
def other(project: Home, tmp_path: Path) -> tuple[Home, Path]:
    return as_other_site(project, tmp_path / "champion.zip"), tmp_path / "champion.zip"


@pytest.fixture(scope="module")
def elsewhere(finished: Home, tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Path]:
    """Another site with a validation of a bundle, made once for the tests that read it."""
    folder = tmp_path_factory.mktemp("elsewhere")
    home = as_other_site(copied(finished, folder / "home"), folder / "champion.zip")
    said = home.here("validate", str(folder / "champion.zip"))
    assert said.status == 0, said.stderr
    assert home.here("validate", str(folder / "champion.zip"), "-o", str(folder / "again")).status == 0
    return home, page_of(said).parent


def page_of(said: Said) -> Path:
    (line,) = [line for line in said.stdout.splitlines() if line.startswith("page: ")]
    return Path(line.removeprefix("page: "))


def left(home: Home) -> list[str]:
    """Return what a refused validation left behind."""
    return [*map(str, home.root.glob(".tmp_*")), *map(str, (home.root / "validation").rglob("*"))]


def test_another_sites_bundle_is_judged_on_the_whole_archive(elsewhere: tuple[Home, Path]) -> None:
    site, folder = elsewhere
    twin = json.loads((folder / "validation.json").read_text())
    counts = {row["what"]: (row["studies"], row["patients"]) for row in twin["counts"]}
    left_out = sum(studies or 0 for what, (studies, _) in counts.items() if what.startswith("Left out"))
    few = sum(studies is None for studies, _ in counts.values())
    assert 0 <= counts["Studies with follow-up"][0] - left_out - counts["Judged"][0] <= 2 * few
    known = counts["Outcome at the horizon known"]
    assert known[1] <= counts["Judged"][1]
    ((followed,),) = site.query("SELECT count(*) FROM followed WHERE role <> 'reader'")
    assert counts["Studies with follow-up"][0] == followed
    rows = [row for row in twin["metrics"] if (row["model"], row["subset"]) == ("champion", "all")]
    figures = {(row["evaluation"], row["metric"]): row for row in rows}
    assert figures["out_of_fold", "auc"]["n"] == known[1]
    for rung in ("out_of_fold", "recalibrated_in_the_large", "recalibrated"):
        assert (rung, "calibration_slope") in figures and (rung, "brier") in figures
    assert twin["ladder"]["advised"] in {"out_of_fold", "recalibrated_in_the_large", "recalibrated"}
    assert twin["on"] == "the whole archive" and twin["champion_synthetic"] is True


def test_no_row_key_or_date_of_a_patient_leaves(elsewhere: tuple[Home, Path]) -> None:
    site, folder = elsewhere
    keys = {key for row in site.query("SELECT patient_key, study_key FROM study") for key in row}
    for file in (path for path in folder.rglob("*") if path.is_file()):
        text = file.read_text()
        assert not keys & set(KEY.findall(text)) and not DATE.findall(text), file.name
    assert {path.name for path in folder.iterdir()} == {"figures", "tables", "validation.html", "validation.json"}
    files = json.loads((folder / "validation.json").read_text())["files"]
    assert all((folder / name).is_file() for name in files) and len(files) > 5


def test_the_same_call_gives_the_same_bytes(elsewhere: tuple[Home, Path]) -> None:
    _, folder = elsewhere
    one, two = (
        {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*.*")}
        for place in (folder, folder.parents[2] / "again")
    )
    assert one == two and len(one) > 5


def test_its_own_champion_is_not_judged_on_patients_it_was_trained_on(site: Home) -> None:
    said = site.here("validate", "--years", "1990-2040")
    trained_on = next((site.root / "registry" / "trained_on").glob("*.parquet"))
    keys = set(pd.read_parquet(trained_on)["patient_key"])
    development = {key for (key,) in site.query("SELECT patient_key FROM cohort WHERE role = 'development'")}
    assert keys == development
    if said.status:  # the set apart of so small an archive may hold no death
        assert "at least 2 of each" in said.stderr and left(site) == []
        return
    twin = json.loads(page_of(said).with_name("validation.json").read_text())
    counts = {row["what"]: row for row in twin["counts"]}
    ((apart,),) = site.query("SELECT count(DISTINCT patient_key) FROM followed WHERE role = 'heart_failure'")
    assert counts["Left out: the model was trained on the patient"]["patients"] == len(
        {key for (key,) in site.query("SELECT patient_key FROM followed WHERE role = 'development'")}
    )
    assert (counts["Judged"]["patients"] or 0) <= apart


def test_a_patient_who_was_merged_into_another_still_counts_as_seen(site: Home) -> None:
    """A trained patient's record number now leads to another key."""
    old, readers = (
        "f" * 32,
        [key for (key,) in site.query("SELECT DISTINCT patient_key FROM followed WHERE role = 'reader'")],
    )
    with duckdb.connect(str(site.root / "warehouse.duckdb")) as connection:
        connection.execute("INSERT INTO patient_alias VALUES (?, ?)", [old, readers[0]])
    project, registry = Project(home=str(site.root)), site.root / "registry"
    model = Model(registry, str(champion_name(registry)))
    with pytest.raises(UserError, match="trained on every patient"):
        _scored(project, model, Patients(["reader"], None, None, [old, *readers[1:]]), True)


def test_a_sealed_set_without_patients_is_named(site: Home) -> None:
    said = site.here("validate")
    assert said.status == 2 and "no study has follow-up: the sealed set" in said.stderr and left(site) == []


def test_what_does_not_fit_is_named_with_the_remedy(other: tuple[Home, Path]) -> None:
    site, bundle = other
    whole = bundle.read_bytes()
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 0x10
    bundle.write_bytes(damaged)
    said = site.here("validate", str(bundle))
    assert said.status == 2 and "damaged" in said.stderr and "copy it again" in said.stderr and left(site) == []
    bundle.write_bytes(whole)
    for years, problem in (("2040-2041", "no study has follow-up"), ("2020-2010", "no range of years"), ("x", "range")):
        said = site.here("validate", str(bundle), "--years", years)
        assert said.status == 2 and problem in said.stderr and left(site) == [], said.stderr
    with_settings(site, evaluation__suppress_below_events=500)
    said = site.here("validate", str(bundle))
    assert said.status == 2 and "at least 500 of each are needed" in said.stderr and left(site) == []
    with_settings(site, outcome__horizon_days=180)
    said = site.here("validate", str(bundle))
    assert said.status == 2 and "not up to date" in said.stderr
    said = site.here("validate")
    assert said.status == 2 and left(site) == []


def test_nothing_that_is_not_a_validation_is_replaced(elsewhere: tuple[Home, Path], tmp_path: Path) -> None:
    site, folder = elsewhere
    bundle = str(folder.parents[2] / "champion.zip")
    own = tmp_path / "papers"
    own.mkdir()
    (own / "thesis.txt").write_text("the only copy")
    for place in (own, own / "thesis.txt", own / "thesis.txt" / "below"):
        said = site.here("validate", bundle, "-o", str(place))
        assert said.status == 2 and ("is not a validation" in said.stderr or "can't be written" in said.stderr)
    assert (own / "thesis.txt").read_text() == "the only copy" and list(tmp_path.iterdir()) == [own]
    require_place(folder)


def test_what_the_champion_was_trained_with_is_asked_for_by_a_command_that_names_the_home(tmp_path: Path) -> None:
    same = load_settings(flags={"preset": "demo", "home": str(tmp_path)}, environment={})
    known = {key: [str(value), source] for key, value, source, _ in same.provenance()}
    manifest = {"clip": same.imaging.clip.model_dump(mode="json"), "provenance": {"settings": known}}
    require_fit(manifest, same, same.imaging.clip)
    frames = same.imaging.clip.frames + 1
    for key, value, was in (
        ("imaging.clip.frames", frames, same.imaging.clip.frames),
        ("outcome.horizon_days", 730, 365),
        ("features.between_echoes", "paper", "prospective"),
        ("features.same_day", "before", "exclude"),
    ):
        other = load_settings(flags={"preset": "demo", "home": str(tmp_path), key: value}, environment={})
        with pytest.raises(UserError) as refused:
            require_fit(manifest, other, other.imaging.clip)
        assert f"{key} {was} (here {value})" in refused.value.problem
        assert f"--home {tmp_path} --set {key}={was} --select" in refused.value.remedy
    with pytest.raises(UserError, match="another release"):
        require_fit(manifest | {"clip": {"frames": 60, "unheard_of": 1}}, same, same.imaging.clip)


def test_a_model_that_left_the_registry_is_still_not_judged_on_whom_it_was_trained_on(
    site: Home, tmp_path: Path
) -> None:
    settings = load_settings(site.root / "echomort.yaml", {"home": str(site.root)}, {})
    registry = site.root / "registry"
    model = Model(tmp_path, str(champion_name(registry)))
    shutil.rmtree(registry / "candidates")
    development = {key for (key,) in site.query("SELECT patient_key FROM cohort WHERE role = 'development'")}
    assert set(patients_of(settings, model, None, sealed=False).trained_on) == development
