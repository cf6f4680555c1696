"""Figures: the same on every run, readable without colour, and honest about what is not there."""

import re

import numpy as np
import pandas as pd
import pytest

from echomort.evaluation.calibration import CalibrationCurve, calibration_curve
from echomort.evaluation.resampling import Resampling
from echomort.report.drawing import figures, flows
from echomort.report.drawing.loops import SHOWN_WIDTH, animation, still
from echomort.report.drawing.style import PALETTE, inline_svg, png
from echomort.report.sections.patients import attrition_steps
from echomort.report.words import count, counted, number, percent, span

NAN = float("nan")


def curve(patients: int = 120) -> figures.Curve:
    rng = np.random.default_rng(3)
    risk = rng.beta(1, 3, patients)
    return figures.Curve("Video + EHR", "fusion", (rng.random(patients) < risk).astype(int), risk, "0.8")


def points() -> CalibrationCurve:
    return calibration_curve(curve().labels, curve().probabilities, Resampling(50))


def benefit_lines() -> list[figures.BenefitLine]:
    everyone, model = np.linspace(0.2, -0.5, 5), np.linspace(0.2, 0.1, 5)
    line = figures.BenefitLine("Video + EHR", "fusion", model, model - 0.05, model + 0.05)
    return [line, figures.BenefitLine("Act on all", "null", everyone)]


ROWS = [
    figures.Estimate("Apical four-chamber", 0.81, 0.76, 0.86, "view", "One view", folds=(0.78, 0.84)),
    figures.Estimate("Permuted labels", 0.50, 0.44, 0.57, "null", "Bounds"),
    figures.Estimate("Too few", note="suppressed", group="Bounds"),
]
DRAWN = {
    "forest": lambda: figures.forest(ROWS, [figures.Reference(0.5, "chance")], "120 patients"),
    "roc": lambda: figures.roc([curve()], "120 patients"),
    "reliability": lambda: figures.reliability(curve(), points(), "120 patients"),
    "distributions": lambda: figures.score_distributions([curve()]),
    "archive": lambda: flows.archive_flow(100, [("Still", 4)], [("Apical four-chamber", 96)]),
    "missing": lambda: flows.missing_values([("LVEF", 0.2), ("Age", 0.0)], "120 studies"),
    "hundred": lambda: flows.hundred_patients([("die", 20, "vermillion"), ("live", 80, "rule")]),
    "attrition": lambda: flows.attrition_flow(
        [flows.FlowStep("All", "10 studies", (("Dead", "1 study"),)), flows.FlowStep("Kept", "9 studies")],
        [flows.FlowStep("Development", "9 patients")],
    ),
    "benefit": lambda: figures.net_benefit(np.linspace(0.01, 0.5, 5), benefit_lines(), "120 patients"),
    "survival": lambda: figures.survival(np.arange(1, 121) * 5.0, np.arange(120) % 3 == 0, np.arange(120) % 2 == 0),
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_figure_is_the_same_twice_and_fetches_nothing(name):
    first, second = (inline_svg(DRAWN[name](), f"fig-{name}", "what it shows") for _ in range(2))
    assert first == second
    assert "http" not in first and "<metadata" not in first and "<image" not in first
    assert 'role="img" aria-label="what it shows"' in first
    assert all(given.startswith(f"fig-{name}") for given in re.findall(r'\bid="([^"]+)"', first))


@pytest.mark.parametrize("name", DRAWN)
def test_an_inline_figure_takes_every_colour_from_the_page(name):
    drawn = inline_svg(DRAWN[name](), "figure", "alt")
    assert not re.findall(r"#[0-9a-f]{6}\b", drawn)
    assert set(re.findall(r"var\(--(\w+)\)", drawn)) <= {*PALETTE, "sans"}


def test_text_stays_text():
    drawn = inline_svg(DRAWN["forest"](), "figure", "alt")
    for words in ("Apical four-chamber", "0.810", "suppressed", "120 patients", "chance"):
        assert words in drawn


def test_the_alternative_text_cannot_break_out_of_its_attribute():
    assert 'aria-label="&quot;&gt;&lt;script&gt;"' in inline_svg(DRAWN["hundred"](), "figure", '"><script>')


def test_a_figure_becomes_png_for_a_readme():
    assert png(DRAWN["forest"]()).startswith(b"\x89PNG")
    assert png(DRAWN["forest"]()) == png(DRAWN["forest"]())


def test_drawing_leaves_the_settings_of_others_alone():
    import matplotlib

    before = dict(matplotlib.rcParams)
    png(DRAWN["roc"]())
    assert dict(matplotlib.rcParams) == before


def test_one_class_only_draws_no_roc_curve_and_does_not_fail():
    lived = figures.Curve("EHR only", "ehr", np.zeros(30, int), np.linspace(0, 1, 30))
    assert "EHR only" not in inline_svg(figures.roc([lived], "30 patients"), "figure", "alt")


def test_an_empty_forest_and_an_archive_without_rejects_are_drawn():
    assert png(figures.forest([], [], ""))
    assert png(flows.archive_flow(5, [], [("Apical four-chamber", 5)]))


def test_the_flow_shows_what_stands_and_what_left_and_skips_rules_that_met_nobody():
    rows = [
        (0, "STUDIES", 9, 8),
        (1, "EXCL_NO_STUDY_DATE", 0, 0),
        (2, "EXCL_NO_FOLLOWUP", 2, 2),
        (20, "LABELLED", 7, 6),
    ]
    rows.append((33, "ROLE_DEVELOPMENT", 7, 6))
    steps = attrition_steps(pd.DataFrame(rows, columns=["step", "reason", "studies", "patients"]))
    assert [step.counts for step in steps] == ["9 studies, 8 patients", "7 studies, 6 patients"]
    assert steps[0].excluded == (("No follow-up at all", "2 studies"),)


def test_a_loop_plays_its_lit_frames_at_its_own_speed_and_no_padding():
    import base64
    import io

    from PIL import Image

    pixels = np.zeros((10, 27, 37), np.uint8)
    pixels[:6] = np.arange(6)[:, None, None] * 30 + 40
    content = io.BytesIO(base64.b64decode(animation(pixels, 25.0).partition(",")[2]))
    with Image.open(content) as shown:
        assert (shown.n_frames, shown.width) == (6, SHOWN_WIDTH)
        shown.seek(1)
        shown.load()
        assert shown.info["duration"] == 40
    assert still(pixels).startswith("data:image/webp;base64,")


def test_a_loop_of_another_type_is_refused():
    with pytest.raises(ValueError, match="uint8"):
        animation(np.zeros((2, 8, 8)), 30.0)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (number(-0.0004), "0.000"),
        (number(-0.25, 2), "\N{MINUS SIGN}0.25"),
        (number(None), "\N{EM DASH}"),
        (count(1034), "1,034"),
        (counted(1, "death"), "1 death"),
        (counted(2, "study", "studies"), "2 studies"),
        (percent(0.125), "12\N{NARROW NO-BREAK SPACE}%"),
        (span(0.1, 0.2, 1), "0.1\N{EN DASH}0.2"),
        (span(-0.1, 0.2, 1), "\N{MINUS SIGN}0.1 \N{EN DASH} 0.2"),
        (span(NAN, 0.2), ""),
    ],
)
def test_numbers_are_set_as_in_print(made, expected):
    assert made == expected
