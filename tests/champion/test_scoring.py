"""The champion's risks of whole studies: the same as study by study, from the files of the clip store."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from echomort.champion.model import Champion
from echomort.champion.scoring import STUDIES_AT_ONCE, ScoredStudy, score_studies
from echomort.clips.store import artifact_of, write_study
from echomort.dicom.header.views import UNKNOWN
from echomort.settings import ClipSettings, Scoring

PATIENT = "0" * 32


class Mean:
    """A view's model whose logit is the mean of a clip, and which counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def score(self, clips: np.ndarray) -> np.ndarray:
        self.asked += 1
        return clips.reshape(len(clips), -1).mean(axis=1) / 100

    def score_by_fold(self, clips: np.ndarray) -> np.ndarray:
        return self.score(clips) + np.array([[-0.5], [0.5]])


class Line:
    """A calibration that changes nothing."""

    def risk(self, logit: Any) -> Any:
        return 1 / (1 + np.exp(-np.asarray(logit)))

    def logit(self, logit: Any) -> Any:
        return logit


def champion(**views: Mean) -> Champion:
    record = SimpleNamespace(score_by_fold=lambda features: np.stack([features["age"] / 10] * 2))
    stacks = {
        "video": SimpleNamespace(score=lambda row: row.fillna(0).sum(axis=1).to_numpy()),
        "video_ehr": SimpleNamespace(score=lambda row: 10 + row.fillna(0).sum(axis=1).to_numpy()),
    }
    calibrations = {name: Line() for name in (*views, *stacks)}
    parts: Any = (views, stacks, calibrations, record, None, {"synthetic": True})
    return Champion("0123456789abcdef", ClipSettings(), *parts)


@pytest.fixture
def archive(tmp_path: Path) -> tuple[Path, pd.DataFrame]:
    """Forty studies: two views of three each, the fourth of another view only in every tenth."""
    random, rows = np.random.default_rng(0), []
    for number in range(40):
        study = f"{number:032x}"
        shown = {f"{study}-{index}": random.integers(0, 255, (2, 4, 5), np.uint8) for index in range(3)}
        path = artifact_of(PATIENT, study)
        write_study(tmp_path / path, shown)
        views = ["subcostal"] * 3 if number % 10 == 0 else ["a4c", "plax", "subcostal"]
        rows += [
            {"study_key": study, "clip_key": key, "view": view, "path": path}
            for key, view in zip(shown, views, strict=True)
        ]
    return tmp_path, pd.DataFrame(rows)


def test_studies_together_are_scored_as_each_alone(archive: tuple[Path, pd.DataFrame]) -> None:
    home, clips = archive
    a4c, plax = Mean(), Mean()
    judge = champion(a4c=a4c, plax=plax)
    features = pd.DataFrame({"study_key": clips["study_key"].unique()[::2], "age": np.arange(20.0)})
    together = list(score_studies(judge, clips, features, home))
    batches = -(-40 // STUDIES_AT_ONCE)
    assert a4c.asked == batches + 4 * 3, "once a batch, and once for each clip of a study that shows no known view"
    alone = [row for key in clips["study_key"].unique() for row in _alone(judge, clips, features, home, key)]
    assert [row.study_key for row in together] == [row.study_key for row in alone]
    for one, other in zip(together, alone, strict=True):
        assert one.as_record() == pytest.approx(other.as_record())


def _alone(judge: Champion, clips: pd.DataFrame, features: pd.DataFrame, home: Path, key: str) -> list[ScoredStudy]:
    return list(score_studies(judge, clips[clips["study_key"] == key], features[features["study_key"] == key], home))


def test_the_record_counts_where_there_is_one(archive: tuple[Path, pd.DataFrame]) -> None:
    home, clips = archive
    keys = clips["study_key"].unique()
    rows = score_studies(
        champion(a4c=Mean(), plax=Mean()), clips, pd.DataFrame({"study_key": keys[:5], "age": 1.0}), home
    )
    models = {row.study_key: (row.model, row.clips) for row in rows}
    assert models[keys[1]] == ("video_ehr", 2)
    assert models[keys[9]] == ("video", 2)
    assert models[keys[0]] == models[keys[10]] == ("all views", 3), "no clip of a view that a model knows"


def test_without_a_record_at_all_and_without_its_model(archive: tuple[Path, pd.DataFrame]) -> None:
    home, clips = archive
    judge = champion(a4c=Mean())
    nothing = pd.DataFrame({"study_key": [], "age": []})
    assert {row.model for row in score_studies(judge, clips, nothing, home)} == {"video", "all views"}


def test_the_range_of_a_risk_is_that_of_its_folds(archive: tuple[Path, pd.DataFrame]) -> None:
    home, clips = archive
    keys = clips["study_key"].unique()
    features = pd.DataFrame({"study_key": keys[1:3], "age": 1.0})
    rows = {row.study_key: row for row in score_studies(champion(a4c=Mean(), plax=Mean()), clips, features, home)}
    apart = {keys[0]: 0.5, keys[1]: 2 * 0.5, keys[3]: 2 * 0.5}
    """By how much each fold moves the logit: a mean over views without a known one, else the sum of two views."""
    for key, shift in apart.items():
        risks = [1 / (1 + np.exp(-(rows[key].logit + sign * shift))) for sign in (-1, 1)]
        assert (rows[key].low, rows[key].high) == pytest.approx(tuple(risks))


def test_what_is_beyond_is_named_beside_the_risk(archive: tuple[Path, pd.DataFrame]) -> None:
    home, clips = archive
    keys = clips["study_key"].unique()
    ranges = {"variables": {"age": [18, 110]}, "loops": {"a4c": {"brightness": [300, 400]}, "plax": {}}}
    judge = replace(champion(a4c=Mean(), plax=Mean()), manifest={"synthetic": True, "ranges": ranges})
    features = pd.DataFrame({"study_key": keys[:3], "age": [60.0, np.nan, 60.0], "_age": [60.0, 9.0, 60.0]})
    rows = {row.study_key: row for row in score_studies(judge, clips, features, home)}
    dark = "loop brightness"
    assert [rows[key].beyond for key in keys[:4]] == ["view", f"age, {dark}", dark, dark]
    unmarked = {row.study_key: row for row in score_studies(champion(a4c=Mean(), plax=Mean()), clips, features, home)}
    assert {row.beyond for row in unmarked.values()} == {""}
    assert [row.risk for row in rows.values()] == [row.risk for row in unmarked.values()]


def test_a_study_beyond_keeps_its_row_without_a_risk_where_risks_are_withheld() -> None:
    within = ScoredStudy("s", "c", "video", 2, -1.0, 0.3, 0.2, 0.4)
    beyond = replace(within, beyond="age, lvef")
    withhold = Scoring(beyond="withhold")
    assert within.served(withhold) == within.as_record() and beyond.served(Scoring()) == beyond.as_record()
    nothing = dict.fromkeys(("logit", "risk", "low", "high"))
    assert beyond.served(withhold) == beyond.as_record() | nothing


def test_a_clip_of_an_unknown_view_is_named_by_the_champions_own_classifier(archive: tuple[Path, pd.DataFrame]) -> None:
    home, clips = archive
    views = {"a4c": Mean(), "plax": Mean()}
    named = replace(champion(**views), classifier=SimpleNamespace(name=lambda appearances: ["plax"] * len(appearances)))  # type: ignore[arg-type]
    untagged = clips.assign(view=clips["view"].replace("plax", UNKNOWN))
    features = pd.DataFrame({"study_key": [], "age": []})
    assert list(score_studies(named, untagged, features, home)) == list(score_studies(named, clips, features, home))
