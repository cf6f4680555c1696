"""A small project with whole frames of the commonest size of their view: from an archive of two sizes to a risk."""

import json
from pathlib import Path

import pydicom
import pytest
from projects import SETTINGS, Home, assignments
from safetensors import safe_open

pytestmark = pytest.mark.slow

FRAMES = {
    "preset": "demo",
    "imaging.clip.fit": "view_size",
    "imaging.clip.reduction": 10,
    "imaging.views.classify": False,
    "execution.processes": 1,
    "evaluation.permutations": 4,  # of four deaths, two permutations lie on one side of chance too often
}


@pytest.fixture(scope="module")
def sized(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A finished project with frames of 300x400, reduced by 10, and one view at a size of its own."""
    home = Home(tmp_path_factory.mktemp("sized") / "home")
    home.rerun(*assignments(SETTINGS | FRAMES | {"imaging.clip.view_sizes": "{apical_4: [270, 400]}"}))
    return home


def shapes(home: Home) -> dict[str, set[tuple[int, ...]]]:
    """View -> shapes of its clips in the store."""
    found: dict[str, set[tuple[int, ...]]] = {}
    for view, key, path in home.query(
        "SELECT view, clip_key, artifact FROM clip JOIN ledger ON asset = 'clips' AND unit = study_key "
        "WHERE status = 'accepted'"
    ):
        with safe_open(home.root / path, framework="numpy") as file:
            found.setdefault(view, set()).add(tuple(file.get_slice(key).get_shape()))
    return found


def test_clips_have_the_shape_of_their_view_and_models_that_of_their_clips(sized: Home) -> None:
    found = shapes(sized)
    assert found["apical_4"] == {(30, 27, 40)} and found["parasternal_long"] == {(30, 30, 40)}
    cards = [json.loads(file.read_text()) for file in (sized.root / "models").glob("*/model.json")]
    by_view = {card["view"]: tuple(card["shape"]) for card in cards if "view" in card}
    assert by_view == {"apical_4": (30, 27, 40), "parasternal_long": (30, 30, 40)}
    assert sized.stale() == {}


def test_the_champion_keeps_the_sizes_and_scores_the_studies_it_did_not_learn_from(sized: Home) -> None:
    (manifest,) = (
        json.loads(file.read_text()) for file in (sized.root / "registry").glob("candidates/*/manifest.json")
    )
    assert manifest["clip"]["view_sizes"]["apical_4"] == [270, 400]
    assert manifest["clip"]["view_sizes"]["parasternal_long"] == [300, 400]
    ((risks,),) = sized.query("SELECT count(*) FROM risk_score")
    assert risks > 0


def test_a_loop_is_inspected_and_scored_at_the_champions_sizes(sized: Home, tmp_path: Path) -> None:
    loop = next(
        file for file in sorted(sized.root.glob("archive/dicom/**/*.dcm")) if "NumberOfFrames" in pydicom.dcmread(file)
    )
    said = sized.here("inspect", str(loop), "--save", str(tmp_path), "--json")
    assert said.status == 0, said.stderr
    (saved,) = tmp_path.glob("*.json")
    assert json.loads(saved.read_text())["clip"]["view_sizes"]["apical_4"] == [270, 400]
    told = sized.here("predict", str(loop), str(tmp_path / saved.with_suffix(".npy").name), "--json")
    scored, again = (json.loads(line) for line in told.stdout.splitlines())
    assert scored["logit"] == again["logit"] and scored["model"] in {"apical_4", "parasternal_long", "all views"}


def test_another_size_of_a_view_makes_its_clips_stale_and_the_models_below_and_not_those_of_another(
    sized: Home,
) -> None:
    before = {unit: row.digest for (asset, unit), row in sized.ledger().items() if asset == "view_models"}
    sized.rerun("--select", "+view_models", *assignments({"imaging.clip.view_sizes": "{apical_4: [280, 400]}"}))
    assert shapes(sized)["apical_4"] == {(30, 28, 40)} and shapes(sized)["parasternal_long"] == {(30, 30, 40)}
    after = {unit: row.digest for (asset, unit), row in sized.ledger().items() if asset == "view_models"}
    assert {unit for unit in before if before[unit] != after[unit]} == {"cnn_3d/apical_4"}
