"""The report, on made-up frames shaped as the warehouse gives them."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from experiments.planted import cells

from echomort.core.errors import UserError
from echomort.dicom.reasons import Reason
from echomort.evaluation.metrics.discrimination import permuted_null_rows
from echomort.evaluation.summary import evaluate
from echomort.linkage.reasons import reasons
from echomort.report.blocks import Cell, Table
from echomort.report.build import REQUIRED, Example, ReportData, write_report
from echomort.report.exports import table_csv
from echomort.report.previews import archive_png, attrition_png, auc_png
from echomort.report.sections.archive import _meaning
from echomort.report.words import NOTHING
from echomort.settings import Evaluation, load_settings

KEY = "deadbeefdeadbeef"
DATE = "2031-07-19"


def cohort(patients: int = 260) -> pd.DataFrame:
    rng = np.random.default_rng(7)
    heart, frailty = rng.normal(size=(2, patients))
    chance = 1 / (1 + np.exp(1.5 - 1.7 * heart - 0.5 * frailty))
    label = (rng.random(patients) < chance).astype(int)
    return pd.DataFrame(
        {
            "study_key": [f"{KEY}{number:04d}" for number in range(patients)],
            "patient_key": [f"{KEY}{number:04d}p" for number in range(patients)],
            "study_at": DATE,
            "role": "development",
            "fold": np.arange(patients) % 5,
            "label": label,
            "days": np.where(label == 1, rng.integers(0, 366, patients), rng.integers(366, 1500, patients)),
            "event": label == 1,
            "headline": True,
            "age": rng.normal(70, 10, patients).round(1),
            "sex": rng.choice(["F", "M", None], patients, p=[0.48, 0.5, 0.02]),
            "heart": heart,
            "chance": chance,
        }
    )


def scores(people: pd.DataFrame, models: tuple[str, ...]) -> pd.DataFrame:
    rng = np.random.default_rng(11)
    noise = {"view:apical_4": 0.8, "view:parasternal_long": 1.1, "all_views": 0.6, "ehr": 1.4, "video_ehr": 0.4}
    made = []
    for model in models:
        logit = -1.4 + 1.3 * (people["heart"] + noise[model] * rng.normal(size=len(people)))
        view = model.removeprefix("view:") if model.startswith("view:") else None
        made.append(people[["study_key", "fold", "label", "days", "event"]].assign(model=model, view=view, logit=logit))
    return pd.concat(made, ignore_index=True)


def metrics(people: pd.DataFrame, scored: pd.DataFrame, truth: bool) -> pd.DataFrame:
    known = people[["study_key"]].assign(
        death_probability=people["chance"], log_hazard_heart=people["heart"], log_hazard_all=np.log(people["chance"])
    )
    columns = ["study_key", "patient_key", "fold", "label", "days", "event", "headline", "sex"]
    banded = people[columns].assign(
        age_band=np.where(people["age"] < 50, "<50", np.where(people["age"] < 80, "50-79", ">=80"))
    )
    found = evaluate(banded, scored, known if truth else None, Evaluation(bootstrap=100))
    null = permuted_null_rows(
        [(one, 0.03) for one in np.linspace(0.42, 0.59, 20)], len(people), int(people["label"].sum())
    )
    return pd.concat([found, null], ignore_index=True)


def loop(frames: int = 8) -> np.ndarray:
    across = np.linspace(-1, 1, 37)[None, None, :] + 0.2 * np.sin(np.linspace(0, 6, frames))[:, None, None]
    down = np.linspace(-1, 1, 27)[None, :, None]
    return (255 * np.exp(-3 * (across**2 + down**2))).astype(np.uint8)


def archive() -> pd.DataFrame:
    columns = ["status", "reason", "view", "transfer_syntax", "fps_source", "instances"]
    jpeg = "1.2.840.10008.1.2.4.50"
    rows = [
        ("accepted", None, "apical_4", jpeg, "CineRate", 300),
        ("accepted", None, "parasternal_long", jpeg, "FrameTime", 290),
        ("rejected", "still", None, jpeg, None, 14),
        ("rejected", "colour_doppler", "apical_4", jpeg, "FrameTime", 9),
        ("rejected", "not_dicom", None, None, None, 2),
    ]
    return pd.DataFrame(rows, columns=columns)


@pytest.fixture(scope="module")
def data() -> ReportData:
    people = cohort()
    scored = scores(people, ("view:apical_4", "view:parasternal_long", "all_views", "ehr", "video_ehr"))
    attrition = [
        (0, "STUDIES", 310, 290),
        (1, "EXCL_DEATH_BEFORE_STUDY", 2, 2),
        (2, "EXCL_CENSORED_LT_1Y", 48, 28),
        (20, "LABELLED", 260, 260),
        (30, "COHORT", 260, 260),
        (33, "ROLE_DEVELOPMENT", 260, 260),
    ]
    return ReportData(
        title="Echo and one-year mortality",
        stamp="Embedded synthetic archive, seed 1: 290 patients",
        synthetic=True,
        metrics=metrics(people, scored, truth=True),
        scores=scored,
        cohort=people,
        characteristics=people[["role", "label", "age"]].assign(women=(people["sex"] == "F").astype(float)),
        attrition=pd.DataFrame(attrition, columns=["step", "reason", "studies", "patients"]),
        instances=archive(),
        checks=pd.DataFrame(
            {
                "table": ["cohort", "clip"],
                "check": ["no_patient_in_two_folds_or_roles", "no_lit_pixel_outside_sector"],
                "passed": [True, True],
                "checked": [260, 590],
                "failed": [0, 0],
            }
        ),
        missingness=pd.DataFrame(
            {"variable": ["lvef", "ldl", "age"], "present": [200, 120, 260], "missing": [60, 140, 0]}
        ),
        examples=tuple(
            Example(f"{word} predicted risk", view, loop(), 15.0)
            for view in ("apical_4", "parasternal_long")
            for word in ("Low", "High")
        ),
        settings=tuple(load_settings(environment={}).provenance()),
        lineage={"echomort": "0.1.0", "data fingerprint": "0f3a"},
    )


class Page(HTMLParser):
    """Collects ids, fetched addresses and whether every element that opens also closes."""

    VOID = frozenset({"meta", "img", "source", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.fetched: list[str] = []
        self.links: list[str] = []
        self.tables: list[tuple[str, list[str], list[list[str]]]] = []
        self.open: list[str] = []
        self.alts: list[str | None] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.ids += [named["id"] or ""] if "id" in named else []
        found = [named[key] or "" for key in ("src", "srcset", "href", "xlink:href") if key in named]
        (self.links if tag == "a" else self.fetched).extend(found)
        if tag == "table":
            self.tables.append((named.get("class") or "", [], []))
        if tag == "tr" and self.tables:
            self.tables[-1][2].append([])
        if tag == "th":
            self.tables[-1][1].append("")
        if tag == "td":
            self.tables[-1][2][-1].append(named["data-label"] or "")
        if tag in {"img", "svg"}:
            self.alts.append(named.get("alt") or named.get("aria-label"))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["th"]:
            self.tables[-1][1][-1] += data


@pytest.fixture(scope="module")
def page(data, tmp_path_factory) -> str:
    return write_report(data, tmp_path_factory.mktemp("report")).html.read_text()


def test_the_page_is_well_formed_and_every_picture_speaks(page):
    parsed = Page(page)
    assert not parsed.open
    assert len(parsed.ids) == len(set(parsed.ids))
    assert parsed.alts and all(parsed.alts)


def test_nothing_is_fetched(page):
    assert all(address.startswith(("#", "data:image/")) for address in Page(page).fetched)
    assert "http://" not in page and "https://" not in page
    assert "<script" not in page and "@import" not in page
    assert "default-src 'none'" in page


def test_links_lead_somewhere(page):
    parsed = Page(page)
    assert {address[1:] for address in [*parsed.fetched, *parsed.links] if address.startswith("#")} <= set(parsed.ids)


def test_a_row_is_a_card_on_a_phone_where_its_columns_would_not_fit_and_each_value_names_its_column(page):
    tables = Page(page).tables
    assert len(tables) > 8
    for style, heads, (_, *rows) in tables:
        assert (style == "cards") == (len(heads) > 3)
        assert rows and all(row == heads for row in rows)
    narrow = page[page.index("max-width: 52rem") :]
    assert ".cards td::before { content: attr(data-label)" in narrow
    assert not re.search(r"t[hd][^{]*\{\s*display: none", page)


def test_a_figure_wider_than_a_phone_says_so(page):
    assert page.count('class="sideways"') == page.count('class="picture wide"') > 0


def test_the_first_screen_has_result_calibration_decisions_and_limits_and_nothing_of_the_truth(data, page, tmp_path):
    opening = page[page.index('id="result"') : page.index('class="blocks"')]
    for words in ("patients evaluated", "AUC, Video + EHR", "deaths for each death predicted", "deaths flagged"):
        assert words in opening
    assert opening.index('id="limits"') < opening.index("No other site was used")
    assert "racle" not in opening and "headroom" not in opening.lower()
    result = page[page.index('id="result"') : page.index("</section>", page.index('id="result"'))]
    assert "racle" not in result and "headroom" not in result.lower()
    assert page.index('id="calibration"') < page.index('id="headroom"')
    deaths = data.scores.loc[data.scores["model"] == "video_ehr", "label"].sum()
    assert f"{deaths} deaths among " in opening and "below 100 a validation is uncertain" in opening
    enough = data.metrics["events"].where(data.metrics["evaluation"] != "out_of_fold", 120)
    many = write_report(replace(data, metrics=data.metrics.assign(events=enough)), tmp_path).html.read_text()
    assert "below 100 a validation" not in many


def test_every_figure_and_table_is_a_file_beside_the_page_and_linked(data, tmp_path):
    files = write_report(data, tmp_path)
    beside = {str(path.relative_to(tmp_path)) for path in files.beside}
    parsed = Page(files.html.read_text())
    assert {address for address in parsed.links if not address.startswith("#")} == beside
    twin = json.loads(files.json.read_text())
    assert set(twin["files"]) == beside == {str(path.relative_to(tmp_path)) for path in tmp_path.glob("*/*")}
    assert {one["file"] for one in twin["figures"]} == {path for path in beside if path.startswith("figures/")}
    assert len(parsed.tables) == len(list(tmp_path.glob("tables/*.csv")))


def test_a_figure_s_file_stands_alone(data, tmp_path):
    write_report(data, tmp_path)
    for file in tmp_path.glob("figures/*.svg"):
        drawn = file.read_text()
        ElementTree.fromstring(drawn)
        assert "var(" not in drawn and 'xmlns="http://www.w3.org/2000/svg"' in drawn
        assert not re.findall(r"""(?:href|src)=["'](?!#)|url\((?!#)""", drawn)


def test_a_table_s_file_has_plain_numbers_and_their_limits(data, tmp_path):
    write_report(data, tmp_path)
    table = pd.read_csv(tmp_path / "tables" / "calibration.csv")
    row = table[(table["Score"] == "Video + EHR") & (table["Score, detail"] == "recalibrated")].iloc[0]
    found = data.metrics.set_index(["evaluation", "model", "subset", "metric"])
    slope = found.loc[("recalibrated", "video_ehr", "all", "calibration_slope")]
    assert row["Slope"] == pytest.approx(slope["value"], abs=0.005)
    assert row["Slope, limits"] == f"{slope['low']:.2f}-{slope['high']:.2f}"
    assert pd.read_csv(tmp_path / "tables" / "comparisons.csv")["Difference"].dtype == float


def test_files_of_an_earlier_report_are_removed_and_those_of_others_stay(data, tmp_path):
    write_report(data, tmp_path)
    (tmp_path / "notes.txt").write_text("kept")
    write_report(replace(data, scores=data.scores.iloc[:0]), tmp_path)
    assert not (tmp_path / "figures" / "roc.svg").exists() and (tmp_path / "figures" / "forest.svg").exists()
    assert (tmp_path / "notes.txt").exists()


def test_a_table_s_file_starts_no_formula_and_a_suppressed_cell_stays_empty():
    rows = [[Cell("=cmd()", "+1"), Cell(NOTHING)], [Cell("ward"), Cell("1,234", "0.1\N{EN DASH}0.2")]]
    assert table_csv(Table("t", "Caption", ["", "#Deaths"], rows)).splitlines() == [
        'column 1,"column 1, detail",Deaths,"Deaths, limits"',
        "'=cmd(),'+1,,",
        "ward,,1234,0.1-0.2",
    ]


def test_a_synthetic_archive_is_announced_and_a_real_one_is_not(data, page, tmp_path):
    assert "Synthetic data" in page and "nothing about patients" in page
    real = write_report(replace(data, synthetic=False), tmp_path).html.read_text()
    assert "Synthetic data" not in real


def test_every_part_is_there(page):
    parts = {"result", "archive", "patients", "loops", "variables", "discrimination", "calibration", "decisions"}
    parts |= {"subgroups", "checks", "use", "published", "settings", "checklist", "bias", "lineage"}
    parts |= {"sample-size", "characteristics"}
    assert parts <= set(Page(page).ids)


def test_experiments_are_in_the_page_its_files_and_its_json_where_they_were_run(data, page, tmp_path):
    assert 'id="experiments"' not in page
    made = pd.concat([cells("figure2"), cells("figure5")], ignore_index=True)
    files = write_report(replace(data, experiments=made), tmp_path)
    parsed, twin = Page(files.html.read_text()), json.loads(files.json.read_text())
    assert "experiments" in parsed.ids and len(parsed.ids) == len(set(parsed.ids)) and not parsed.open
    beside = {str(path.relative_to(tmp_path)) for path in files.beside}
    assert {address for address in parsed.links if not address.startswith("#")} == beside
    assert {"figures/experiment-figure2.svg", "tables/experiment-figure5.csv"} <= beside
    assert twin["tables"]["experiment-figure2"][0]["Preprint"] == "0.695 to 0.784, over its views fig. 2"


def test_a_leak_is_named_before_everything_else_and_only_where_there_is_one(data, page, tmp_path):
    assert "Too good to be true" not in page
    row = ("too_good", "one_variable", "bnp", "auc", 1.0, np.nan, np.nan, 200, 60, "presence")
    leaking = replace(data, metrics=pd.concat([data.metrics, pd.DataFrame([row], columns=list(data.metrics.columns))]))
    warned = write_report(leaking, tmp_path).html.read_text()
    assert "variable bnp (whether it is known) has an AUC of 1.000, too good to be true" in warned
    assert warned.index('id="suspicions"') < warned.index('id="result"')


@pytest.mark.parametrize(
    ("reason", "words"),
    [("SAME_DAY_WITHOUT_TIME", "were left out"), ("SAME_DAY_TAKEN_AS_BEFORE", "were used as if they preceded it")],
)
def test_records_of_the_echo_s_own_day_without_a_time_are_counted(data, page, tmp_path, reason, words):
    assert "own day" not in page
    refusals = pd.DataFrame({"reason": ["OUTSIDE_LIMITS", reason], "count": [3, 1207]})
    counted = write_report(replace(data, refusals=refusals), tmp_path).html.read_text()
    assert "1,207 values and codes of an echo" in counted and words in counted


def test_no_key_and_no_date_is_printed(data, tmp_path):
    files = write_report(data, tmp_path)
    for text in (file.read_text() for file in files.all):
        assert KEY not in text
        assert DATE not in text


def test_the_same_data_give_the_same_bytes(data, tmp_path):
    first, second = (write_report(data, tmp_path / name) for name in ("one", "two"))
    for one, other in zip(first.all, second.all, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_rows_in_another_order_give_the_same_page(data, tmp_path, page):
    shuffled = replace(data, scores=data.scores.sample(frac=1, random_state=3))
    assert write_report(shuffled, tmp_path).html.read_text() == page


def test_the_json_twin_has_every_required_key_and_the_printed_auc(data, page, tmp_path):
    twin = json.loads(write_report(data, tmp_path).json.read_text())
    assert all(twin[key] not in (None, "", [], {}) for key in REQUIRED if key != "synthetic")
    rows = [
        row for row in twin["metrics"] if (row["model"], row["metric"], row["subset"]) == ("video_ehr", "auc", "all")
    ]
    assert f"{rows[0]['value']:.3f}" in page
    assert all(answer["answer"] for answer in twin["checklist"].values())


def test_a_small_subgroup_has_no_figure_anywhere(data, tmp_path):
    small = {"evaluation": "out_of_fold", "model": "video_ehr", "metric": "auc", "method": "DeLong"}
    rows = [{**small, "subset": "ward=intensive", "value": 0.98765, "low": 0.9, "high": 1.0, "n": 31, "events": 7}]
    rows += [{**small, "subset": "ward=other", "value": 0.8, "low": 0.7, "high": 0.9, "n": 229, "events": 777}]
    extended = pd.concat([data.metrics, pd.DataFrame(rows)], ignore_index=True)
    files = write_report(replace(data, metrics=extended), tmp_path)
    assert "0.98765" not in files.json.read_text()
    assert not any("0.988" in file.read_text() for file in files.all if file.suffix != ".svg")
    assert "0.988" not in (tmp_path / "figures" / "subgroups.svg").read_text()
    printed = [row for row in json.loads(files.json.read_text())["metrics"] if row["subset"].startswith("ward=")]
    assert [row["events"] for row in printed] == [None, None]
    assert re.search(r"Intensive|intensive", files.html.read_text())


def test_every_figure_of_a_group_is_in_the_table_and_a_table_says_what_must_be_known(data, tmp_path):
    common = {"model": "video_ehr", "subset": "ward=west", "n": 229, "events": 77, "low": 0.1, "high": 0.9}
    figures = {"auc": 0.811, "sensitivity": 0.722, "specificity": 0.633}
    rows = [{**common, "evaluation": "out_of_fold", "metric": name, "value": value} for name, value in figures.items()]
    rows += [{**common, "evaluation": "recalibrated", "metric": "observed_expected", "value": 1.17}]
    for metric in ("sensitivity_gap", "specificity_gap"):
        rows += [{**common, "evaluation": "out_of_fold", "metric": metric, "subset": "ward", "value": 0.29}]
    extended = pd.concat([data.metrics, pd.DataFrame(rows).assign(method="made up")], ignore_index=True)
    text = write_report(replace(data, metrics=extended), tmp_path).html.read_text().replace("\u202f", " ")
    _, _, row = text[text.index("Every group") :].partition("west</span>")
    assert all(figure in row[:900] for figure in ("0.811", "72 %", "63 %", "1.17"))
    assert "29 %" in text and "chance alone makes a large gap" in text


def test_an_archive_without_truth_rejects_or_examples(data, tmp_path):
    people = cohort()
    scored = scores(people, ("view:apical_4", "ehr"))
    plain = replace(
        data,
        synthetic=False,
        scores=scored.drop(columns=["days", "event"]),
        metrics=metrics(people, scored, truth=False),
        instances=archive().iloc[:2],
        examples=(),
        missingness=pd.DataFrame(columns=["variable", "missing"]),
        checks=pd.DataFrame(columns=["table", "check", "passed"]),
    )
    text = write_report(plain, tmp_path).html.read_text()
    assert "headroom" not in text.lower()
    assert not Page(text).open


def test_figures_without_a_value_are_said_to_have_none(data, tmp_path):
    empty = data.metrics.assign(value=np.nan, low=np.nan, high=np.nan)
    text = write_report(replace(data, metrics=empty, scores=data.scores.iloc[:0]), tmp_path).html.read_text()
    assert "No model has an AUC" in text
    assert not re.search(r"(?<![a-z])nan(?![a-z])", printed(text))


def printed(text: str) -> str:
    return re.sub(r"<style>.*?</style>|data:image[^\"]*", "", text, flags=re.DOTALL)


@pytest.mark.parametrize("place", [Path("/home/jane.doe/echo"), "s3://jane.doe/echo"])
def test_where_a_sites_files_lie_is_not_printed(data, tmp_path, place):
    keyed = (("sources.dicom", place, "ours", "folder"), *data.settings)
    files = write_report(replace(data, settings=keyed), tmp_path)
    assert "jane.doe" not in files.html.read_text() + files.json.read_text()


def test_single_figures_come_as_png(data):
    for made in (auc_png(data.metrics), archive_png(data.instances), attrition_png(data.attrition, data.cohort)):
        assert made.startswith(b"\x89PNG")


def test_what_a_site_wrote_cannot_become_markup_or_mathematics(data, tmp_path):
    hostile = "<script>alert(1)</script> $\\frac{1$ {{ 7 * 7 }}"
    files = archive().assign(view=hostile)
    loops = (Example(hostile, hostile, loop(), 15.0),)
    text = write_report(replace(data, stamp=hostile, instances=files, examples=loops), tmp_path).html.read_text()
    assert "<script" not in text.lower().replace("&lt;script", "")
    assert "{{ 7 * 7 }}" in text
    assert not Page(text).open


def test_a_report_that_leaves_a_question_open_is_not_written(data, tmp_path):
    with pytest.raises(UserError, match="20a"):
        write_report(replace(data, attrition=data.attrition.iloc[:0]), tmp_path)
    assert not list(tmp_path.iterdir())


def test_refits_of_a_patient_are_counted_without_the_fold_that_scores_them(data, tmp_path):
    """The warehouse gives the missing score of a patient's own fold as a masked value, of whatever lies below it."""
    people = data.cohort
    masks = np.eye(5, dtype=bool)[people["fold"]]
    one = data.scores[data.scores["model"] == "video_ehr"].sort_values("study_key").reset_index(drop=True)
    refits = [
        np.ma.masked_array(np.where(mask, 0.0, logit + 0.2), mask)
        for mask, logit in zip(masks, one["logit"], strict=True)
    ]
    rest = data.scores[data.scores["model"] != "video_ehr"].assign(without=None)
    scored = pd.concat([one.assign(without=refits), rest])
    row = ("out_of_fold", "video_ehr", "all", "refit_mape", 0.02, 0.01, 0.03, 260, 54, "refits")
    extended = pd.concat([data.metrics, pd.DataFrame([row], columns=list(data.metrics.columns))])
    text = write_report(replace(data, scores=scored, metrics=extended), tmp_path).html.read_text()
    assert "260 patients, 4 refits each" in text
    points = {one["name"]: one["points"] for one in json.loads((tmp_path / "report.json").read_text())["figures"]}
    middle = np.array(points["instability"]["refits, median"])
    assert (middle > points["instability"]["risk"]).all()


def test_every_reason_that_a_file_may_be_rejected_for_has_its_meaning():
    every = [*Reason, *reasons()]
    assert [reason for reason in every if not _meaning(str(reason))] == [] and "duplicate" in every
