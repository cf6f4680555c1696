"""A candidate is judged by what it would serve, scored anew by the registry's own models, with whatever stands."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from echomort.champion import promotion
from echomort.champion.candidate import candidate_facts
from echomort.champion.model import Champion
from echomort.champion.promotion import Run, submit_run
from echomort.champion.scoring import score_studies
from echomort.champion.sealed import SealedSet, sealed_risks
from echomort.champion.store import champion_name, read_history, read_pointer, write_candidate
from echomort.clips.store import artifact_of, write_study
from echomort.core.errors import UserError
from echomort.models.platt import Platt
from echomort.models.rows import LabelledRows
from echomort.models.tabular import encode, fit_nested
from echomort.settings import Tabular, load_settings

STUDIES = 40
NOTHING = pd.DataFrame()


@pytest.fixture
def settings(tmp_path, facts):
    clip = {f"imaging.clip.{key}": value for key, value in facts.clip.model_dump(mode="json").items()}
    flags = {"home": str(tmp_path), "promotion.minimum_deaths": 3, **clip}
    return load_settings(flags=flags, environment={})


@pytest.fixture
def sealed(tmp_path, facts):
    """Forty sealed patients with one clip each, of whom a younger half survives."""
    random, rows = np.random.default_rng(0), []
    for number in range(STUDIES):
        study = f"{number:032x}"
        path = artifact_of("0" * 32, study)
        write_study(tmp_path / path, {study: random.integers(0, 255, facts.clip.shape, np.uint8)})
        rows.append({"study_key": study, "clip_key": study, "view": "a4c", "path": path})
    clips = pd.DataFrame(rows)
    age = np.linspace(-2, 2, STUDIES)
    features = pd.DataFrame({"study_key": clips["study_key"], "age": age, "lvef": 0.0})
    died = (age + random.normal(0, 1, STUDIES) > 0).astype(float)
    labelled = pd.DataFrame(
        {"study_key": clips["study_key"], "label": died, "sex": ["female", "male"] * (STUDIES // 2)}
    )
    return SealedSet(labelled, clips, features)


def submitted(monkeypatch, parts, facts, settings, sealed, suspicions=()):
    """Submit a run whose models are ``parts``."""
    monkeypatch.setattr(promotion, "candidate_parts", lambda run: parts)
    monkeypatch.setattr(promotion, "candidate_facts", lambda run, settings: facts)
    return submit_run(Run({}, None, None, None, NOTHING, NOTHING, sealed, [], suspicions), settings)


@pytest.fixture
def serving(facts, settings):
    """The facts of candidates that were trained under the settings' roles."""
    return replace(facts, roles=settings.cohort.role_digest)


@pytest.fixture
def records(parts, sealed):
    """A candidate without a model of a view: it serves the risk of the health record, calibrated."""
    random = np.random.default_rng(5)
    table = pd.DataFrame(random.normal(size=(400, 2)), columns=["age", "lvef"])
    died = (table["age"] + random.normal(size=400) > 0).astype(int)
    rows = LabelledRows.of(died.tolist(), [row % 3 for row in range(400)], list(map(str, range(400))))
    tabular = fit_nested(encode(table), ("age", "lvef"), rows, Tabular(rounds=60)).model
    platt = Platt.fit(tabular.score(sealed.features), sealed.rows["label"].to_numpy())
    return replace(parts, views={}, stacks={}, tabular=tabular, calibrations={"ehr": platt})


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        ("evaluation.bootstrap", True),
        ("promotion.margin", True),
        ("execution.processes", True),
        ("training.seed", False),
    ],
)
def test_a_setting_that_decides_no_model_makes_no_other_candidate(settings, changed, same):
    def facts_with(**flags):
        found = load_settings(flags={"home": str(settings.home), **flags}, environment={})
        metrics = pd.DataFrame({"model": ["ehr"], "value": [0.7], "n": [90], "events": [30]})
        return candidate_facts(Run({}, None, None, None, NOTHING, metrics, SealedSet(*3 * [NOTHING])), found)

    other = {"evaluation.bootstrap": 120, "promotion.margin": 0.01, "execution.processes": 1, "training.seed": 2}
    assert (facts_with() == facts_with(**{changed: other[changed]})) is same


def test_the_manifest_has_no_auc_that_is_no_result(settings):
    """That of permuted labels stands in the warehouse's table whatever the deaths, since a check reads it."""
    columns = {"model": ["ehr", "permuted_null"], "value": [0.7, 0.9], "n": [90, 12], "events": [30, 2]}
    run = Run({}, None, None, None, NOTHING, pd.DataFrame(columns), SealedSet(*3 * [NOTHING]))
    assert candidate_facts(run, settings).metrics == {"auc": {"ehr": 0.7}}


def test_the_sealed_risks_are_those_that_the_champion_serves(registry, sealed, settings):
    risks = sealed_risks(registry, champion_name(registry), sealed, settings)
    champion = Champion.load(registry)
    assert len(risks) == STUDIES
    served = {one.study_key: one.risk for one in score_studies(champion, sealed.clips, sealed.features, settings.home)}
    assert risks == pytest.approx(served)


def test_without_a_model_of_a_view_the_risk_of_the_record_is_served(tmp_path, records, serving, sealed, settings):
    registry = tmp_path / "registry"
    name = write_candidate(registry, records, serving)
    risks = sealed_risks(registry, name, sealed, settings)
    logit = records.tabular.score(sealed.features)
    assert list(risks.values()) == pytest.approx(records.calibrations["ehr"].risk(logit).tolist())


def test_a_candidate_of_other_clips_keeps_the_risks_of_its_day(registry, sealed, settings):
    name = champion_name(registry)
    before = sealed_risks(registry, name, sealed, settings)
    imaging = settings.imaging.model_copy(update={"clip": settings.imaging.clip.model_copy(update={"frames": 9})})
    fewer = replace(sealed, rows=sealed.rows.iloc[:7])
    found = sealed_risks(registry, name, fewer, settings.model_copy(update={"imaging": imaging}))
    assert found == {key: before[key] for key in fewer.rows["study_key"]}


def test_records_become_champion_and_video_is_compared_with_them(
    monkeypatch, parts, records, serving, settings, sealed
):
    first = submitted(monkeypatch, records, serving, settings, sealed)
    assert first.decision.promoted, first.decision.reasons
    assert read_pointer(settings.home / "registry").reference == first.candidate == first.champion
    again = submitted(monkeypatch, records, serving, settings, sealed)
    assert again.decision.reasons == ("it is the champion already",)
    scored: list[str] = []
    monkeypatch.setattr(promotion, "sealed_risks", lambda *asked: scored.append(asked[1]) or sealed_risks(*asked))
    video = submitted(monkeypatch, parts, serving, settings, sealed)
    assert scored == [video.candidate, first.candidate], "a champion that is its own reference is scored once"
    assert not video.decision.promoted
    assert video.champion == first.candidate
    history = read_history(settings.home / "registry")
    assert [entry["candidate"] for entry in history] == [first.candidate, video.candidate]
    assert history[1]["judged"]["champion"]["patients"] == STUDIES
    assert history[1]["judged"]["champion"] == history[1]["judged"]["reference"]
    assert history[1]["standing"] == {"champion": first.candidate, "reference": first.candidate}


def test_what_can_not_be_compared_is_said_and_the_bar_decides(monkeypatch, parts, records, serving, settings, sealed):
    drawn_otherwise = replace(serving, roles="other")
    first = submitted(monkeypatch, records, drawn_otherwise, settings, sealed)
    platt = records.calibrations["ehr"]
    other = replace(records, calibrations={"ehr": Platt(platt.slope * 0.99, platt.intercept)})
    second = submitted(monkeypatch, other, serving, settings, sealed)
    assert second.decision.promoted
    assert f"not compared with the champion {first.candidate}: its patients were drawn" in second.decision.reasons[-1]
    manifest = settings.home / "registry" / "candidates" / second.candidate / "manifest.json"
    manifest.write_text(manifest.read_text() + " ")
    more = replace(records, calibrations={"ehr": Platt(platt.slope * 0.98, platt.intercept)})
    third = submitted(monkeypatch, more, serving, settings, sealed)
    assert "missing or not the one that was written" in third.decision.reasons[-1]


def test_without_sealed_patients_nothing_is_promoted_and_the_history_says_why(
    monkeypatch, records, serving, settings, sealed
):
    empty = SealedSet(sealed.rows.iloc[:0], sealed.clips.iloc[:0], sealed.features.iloc[:0])
    found = submitted(monkeypatch, records, serving, settings, empty)
    assert (found.decision.promoted, found.champion) == (False, None)
    assert "0 deaths and 0 survivors in the sealed set" in found.decision.reasons[0]
    with pytest.raises(UserError, match="no champion"):
        Champion.load(settings.home / "registry")


def test_what_is_too_good_to_be_true_is_not_promoted(monkeypatch, records, serving, settings, sealed):
    suspicion = "variable albumin (its value alone) has an AUC of 1.000, too good to be true"
    found = submitted(monkeypatch, records, serving, settings, sealed, (suspicion,))
    assert (found.decision.promoted, found.decision.reasons[0], found.champion) == (False, suspicion, None)
