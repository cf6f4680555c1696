"""Candidates are whole, a champion is replaced only for a reason, and what predicts is what was promoted."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from assets.prediction.risk_scores import RISK_SCORES
from echomort.champion.model import Champion
from echomort.champion.store import Parts, champion_name, champion_networks, write_candidate, write_pointer
from echomort.core.errors import UserError
from echomort.models.platt import Platt, sigmoid
from echomort.models.view_model import ViewModel
from echomort.settings import load_settings


def test_without_a_champion_nothing_is_loaded(tmp_path):
    assert champion_name(tmp_path) is None
    with pytest.raises(UserError, match="no champion"):
        Champion.load(tmp_path)


def test_any_candidate_can_be_loaded_by_its_name(registry, parts, facts):
    other = write_candidate(registry, parts, replace(facts, metrics={"auc": 0.9}))
    assert Champion.load(registry, other).name == other != champion_name(registry)
    (registry / "candidates" / other / "manifest.json").write_text("{}")
    with pytest.raises(UserError, match="missing or not the one"):
        Champion.load(registry, other)


def test_the_same_parts_are_the_same_candidate(registry, parts, facts):
    name = champion_name(registry)
    before = sorted(path.name for path in (registry / "candidates").iterdir())
    assert write_candidate(registry, parts, facts) == name
    assert sorted(path.name for path in (registry / "candidates").iterdir()) == before == [name]


def test_no_table_of_patients_enters_the_registry(registry):
    assert not list(registry.rglob("scores.parquet"))


def test_a_clip_of_a_known_view_is_scored_by_its_model_and_calibrated(registry, parts, clips):
    scored = Champion.load(registry).score_clip(clips[0], "plax")
    logit = ViewModel.load(parts.views["plax"]).score(clips[:1])[0]
    assert scored.logit == pytest.approx(logit)
    assert scored.risk == pytest.approx(float(sigmoid(0.8 * logit - 0.5)))
    assert (scored.view, scored.model, scored.synthetic, scored.note) == ("plax", "plax", True, None)


def test_a_clip_of_an_unknown_view_is_scored_by_all_models_and_says_so(registry, parts, clips):
    scored = Champion.load(registry).score_clip(clips[0], "unknown")
    logits = [ViewModel.load(parts.views[view]).score(clips[:1])[0] for view in ("a4c", "plax")]
    assert scored.logit == pytest.approx(np.mean(logits))
    assert scored.risk == pytest.approx(float(sigmoid((0.5 * logits[0] - 1 + 0.8 * logits[1] - 0.5) / 2)))
    assert scored.model == "all views"
    assert "view is unknown" in scored.note


def test_a_study_is_the_stack_of_the_mean_logit_of_each_view(registry, parts, clips):
    scored = Champion.load(registry).score_study(
        {"a4c": [clips[0], clips[1]], "plax": [clips[2]], "subcostal": [clips[0]]}
    )
    a4c = ViewModel.load(parts.views["a4c"]).score(clips[:2]).mean()
    plax = ViewModel.load(parts.views["plax"]).score(clips[2:])[0]
    assert scored.logit == pytest.approx(2 * a4c + plax - 0.3)
    assert scored.risk == pytest.approx(float(sigmoid(2 * a4c + plax - 0.2)))
    assert scored.views == pytest.approx({"a4c": a4c, "plax": plax})
    assert scored.note == "1 clips of other views were left out"


def test_a_study_with_a_record_uses_the_stack_that_knows_it(tmp_path, parts, facts, clips, stack):
    stacks = {**parts.stacks, "video_ehr": stack(["a4c", "plax", "ehr"], [0.0, 0.0, 1.0])}
    calibrations = {**parts.calibrations, "video_ehr": Platt(1.0, 0.0)}
    root = tmp_path / "registry"
    candidate = Parts(parts.views, calibrations, stacks, parts.tabular)
    write_pointer(root, name := write_candidate(root, candidate, facts), ["a test"], name)
    champion = Champion.load(root)
    assert champion.score_study({"a4c": [clips[0]]}, ehr=np.array([-2.0, -1.0])).logit == pytest.approx(-1.5)
    assert champion.score_study({"a4c": [clips[0]]}).model == "video"
    assert champion.tabular is not None
    assert len(champion.tabular.score(pd.DataFrame({"age": [1.0, -1.0], "lvef": [0.0, 0.0]}))) == 2


def test_a_study_without_a_known_view_or_without_clips(registry, clips):
    champion = Champion.load(registry)
    scored = champion.score_study({"subcostal": [clips[0]]})
    assert scored.risk == pytest.approx(champion.score_clip(clips[0], "unknown").risk)
    assert scored.model == "all views"
    with pytest.raises(UserError, match="no clip"):
        champion.score_study({"a4c": []})


@pytest.mark.parametrize(
    "file", ["views/a4c/fold_0.safetensors", "stacks/video.json", "tabular/fold_1.json", "manifest.json"]
)
def test_a_changed_file_of_the_champion_is_refused(registry, file):
    path = registry / "candidates" / champion_name(registry) / file
    path.write_bytes(path.read_bytes().replace(b"0", b"1", 1))
    with pytest.raises(UserError, match="SHA-256"):
        Champion.load(registry)


def test_a_pointer_can_not_leave_the_registry(registry):
    pointer = json.loads((registry / "champion.json").read_text())
    (registry / "champion.json").write_text(json.dumps({**pointer, "candidate": "../../elsewhere"}))
    with pytest.raises(UserError, match="safe folder name"):
        Champion.load(registry)


def recipe(home):
    return RISK_SCORES.recipe(load_settings(flags={"home": str(home)}, environment={}))


def test_of_the_networks_those_of_the_champion_decide_the_risks(registry, tmp_path):
    assert champion_networks(registry) == ("cnn_3d",)
    networks = {part for part in recipe(registry.parent) if "echomort/networks/cnn" in part}
    assert networks == {"file echomort/networks/cnn_3d.py"}
    assert champion_networks(tmp_path / "none") == ()
    assert not [part for part in recipe(tmp_path / "none") if "echomort/networks/cnn" in part]
