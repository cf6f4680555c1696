"""The card of the champion says what it is, and never gives it another model's figures."""

import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pandas as pd
import pytest

from echomort.report.model_card import NO_CHAMPION, OTHER_RUN, CardData, write_card
from echomort.vocabulary.metric_table import COLUMNS

HEADINGS = [
    *("Model details", "Intended use", "Not intended", "Factors", "Metrics", "Evaluation data", "Training data"),
    *("Ethical considerations", "Caveats and recommendations"),
]
AREAS = {"video_ehr": 0.8123, "all_views": 0.79, "view:apical_4": 0.75, "ehr": 0.7}
SETTINGS = {
    "cohort.minimum_age": "18.0",
    "cohort.maximum_age": "110.0",
    "cohort.folds": "4",
    "training.network": "cnn_3d",
}


def figure(model: str, metric: str, value: float, subset: str = "all", deaths: int = 100) -> tuple:
    return ("out_of_fold", model, subset, metric, value, value - 0.04, value + 0.04, 400, deaths, "DeLong")


@pytest.fixture
def data() -> CardData:
    rows = [figure(model, "auc", area) for model, area in AREAS.items()]
    rows += [figure("video_ehr", "calibration_slope", 0.91), figure("video_ehr", "auc", 0.777, "sex=female")]
    rows += [figure("video_ehr", "auc", 0.999, "race=asian", deaths=3)]
    manifest = {
        "files": {"views/apical_4/fold_0.safetensors": "c0ffee"},
        "clip": {"frames": 60, "height": 109, "width": 150, "fps": 30.0},
        "views": ["apical_4"],
        "stacks": ["video", "video_ehr"],
        "tabular": True,
        "calibrations": {"video_ehr": {"slope": 1.0, "intercept": 0.0}},
        "synthetic": True,
        "metrics": {"auc": AREAS},
        "provenance": {
            "echomort": "0.1.0",
            "settings": {key: [value, "ours"] for key, value in SETTINGS.items()} | {"cohort.salt": ["s3cret", "ours"]},
        },
    }
    return CardData("0123456789abcdef", json.loads(json.dumps(manifest)), pd.DataFrame(rows, columns=list(COLUMNS)))


def texts(data: CardData, folder: Path) -> tuple[str, str]:
    html, markdown = write_card(data, folder)
    assert (html.name, markdown.name) == ("model_card.html", "model_card.md")
    return unescape(html.read_text()), markdown.read_text()


def test_every_heading_is_in_both_files_in_order(data, tmp_path):
    html, markdown = texts(data, tmp_path)
    assert re.findall(r"<h2>(.*?)</h2>", html) == HEADINGS
    assert re.findall(r"^## (.*)$", markdown, re.MULTILINE) == HEADINGS


def test_the_card_says_what_the_champion_is_and_how_well_it_does(data, tmp_path):
    for text in texts(data, tmp_path):
        assert "0123456789abcdef" in text and "Apical four-chamber" in text and "Synthetic data" in text
        assert "AUC 0.812 (0.772\N{EN DASH}0.852), 400 patients, 100 deaths" in text and "slope 0.91" in text


def test_a_small_group_is_withheld_and_a_setting_that_is_secret_is_not_printed(data, tmp_path):
    for text in texts(data, tmp_path):
        assert "0.777" in text and "0.999" not in text and "withheld" in text
        assert "s3cret" not in text and "c0ffee" not in text


def test_figures_of_a_run_that_was_not_promoted_are_not_the_champion_s(data, tmp_path):
    others = data.metrics.assign(value=data.metrics["value"] - 0.01)
    for text in texts(replace(data, metrics=others), tmp_path):
        assert OTHER_RUN in text
        assert "AUC at promotion, Video + EHR: 0.812." in text
        assert "0.802" not in text and "0.767" not in text and "slope 0" not in text


def test_without_a_champion_the_card_says_so(data, tmp_path):
    for text in texts(replace(data, name="", manifest=None), tmp_path):
        assert NO_CHAMPION in text and "Metrics" not in text


def test_a_champion_of_one_view_has_a_card(data, tmp_path):
    lone = dict(data.manifest) | {"stacks": [], "tabular": False, "synthetic": False}
    for text in texts(replace(data, manifest=lone), tmp_path):
        assert "by Apical four-chamber" in text and "No model of the health record" in text
        assert "Synthetic" not in text


def test_equal_data_give_equal_bytes_and_markdown_has_whole_tables(data, tmp_path):
    _, markdown = texts(data, tmp_path / "one")
    assert texts(data, tmp_path / "two")[1] == markdown
    table = [line for line in markdown.splitlines() if line.startswith("|")]
    assert len(table) == 4 and {line.count("|") for line in table} == {6}
