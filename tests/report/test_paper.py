"""What a paper takes from a report: LaTeX, methods, sources, and the folder that is never overwritten by mistake."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from echomort.core.errors import UserError
from echomort.evaluation.metrics.discrimination import AUC
from echomort.report.blocks import Cell, Picture, Section, Table
from echomort.report.build import Page
from echomort.report.checklists.facts import Facts
from echomort.report.data import ReportData
from echomort.report.drawing import figures
from echomort.report.drawing.style import inline_svg
from echomort.report.numbers import Numbers
from echomort.report.paper.folder import require_place, write_paper
from echomort.report.paper.latex import GAP, LINE, ROWS_OF_A_PAGE, escape, latex_table
from echomort.report.paper.methods import PARAGRAPHS, Origin, changed_settings, cited, methods_text
from echomort.report.paper.references import MEASURES, METHOD, SCORES, bibliography
from echomort.report.sections import Answer
from echomort.settings import load_settings
from echomort.vocabulary.metric_table import COLUMNS, OUT_OF_FOLD

ORIGIN = Origin("standard", {"report": "0f3a"})
TABLE = Table("auc", "AUC & 5 % of all_views", ["Model", "#AUC"], [["Video + EHR", Cell("0.7", "0.6 to 0.8")]])


def page(synthetic: bool = True, **flags: object) -> Page:
    rows = [(OUT_OF_FOLD, model, "all", AUC.name, 0.7, 0.6, 0.8, 200, 50, "DeLong") for model in ("ehr", "maggic")]
    metrics = pd.DataFrame(rows, columns=list(COLUMNS))
    settings = tuple(load_settings(flags={"preset": "standard"} | flags, environment={}).provenance())
    nothing = pd.DataFrame()
    data = ReportData("t", "s", synthetic, metrics, nothing, nothing, settings, {"echomort": "0.1.0"})
    drawn = figures.forest([figures.Estimate("EHR", 0.7, 0.6, 0.8)], [], "200 patients")
    picture = Picture(inline_svg(drawn, "fig-forest", "AUC"), "AUC")
    of_others = Picture('<svg id="fig-other" viewBox="0 0 1 1"></svg>', "other")
    items = [item for part in PARAGRAPHS.values() for item in part]
    answers = {item: Answer(f"asks {item}", f"Answer_{item}.", "reported") for item in items}
    answers["5b"] = Answer("asks", "The period.", "for the site to answer")
    return Page([Section("s", "S", [TABLE, picture, of_others])], Facts(data, Numbers(metrics), {}), answers)


def test_latex_prints_what_it_would_take_for_a_command() -> None:
    assert escape("a_b & 5 % of #1 {x}") == r"a\_b \& 5 \% of \#1 \{x\}"
    assert escape("\\input{/etc/passwd}") == r"\textbackslash{}input\{/etc/passwd\}"
    assert escape("\N{MINUS SIGN}1 < 2\nx") == r"$-$1 \textless{} 2 x"


def test_a_short_table_floats_and_a_long_one_runs_over_pages() -> None:
    short = latex_table(TABLE)
    assert r"\caption{AUC \& 5 \% of all\_views}\label{tab:auc}" in short
    assert r"\begin{tabular}{lr}" in short and r"Video + EHR & 0.7 (0.6 to 0.8) \\" in short
    assert short.index(r"\toprule") < short.index(r"\midrule") < short.index(r"\bottomrule")
    long = latex_table(Table("long", "Long", ["A"], [["x"]] * (ROWS_OF_A_PAGE + 1)))
    assert r"\begin{longtable}{l}" in long and r"\begin{table}" not in long


def test_a_row_that_begins_with_a_bracket_is_no_option_of_the_row_before() -> None:
    text = latex_table(Table("t", "T", ["A"], [["x"], ["[1, 2]"], ["*y"]]))
    assert "\n{}[1, 2] \\\\" in text and "\n{}*y \\\\" in text


def test_columns_of_long_texts_share_the_line() -> None:
    text = latex_table(Table("t", "T", ["A", "B", "#C"], [["x" * 100, "y" * 400, "1"]]))
    shares = [float(share) for share in re.findall(r"p\{([\d.]+)\\linewidth\}", text)]
    assert len(shares) == 2 and shares[0] < shares[1] and sum(shares) < 0.9


def test_a_table_fits_the_line_that_its_columns_of_numbers_leave() -> None:
    rows = [["A score whose name is longer than any column", "0.784", "0.751 to 0.815", "too few deaths (7)"]]
    text = latex_table(Table("t", "T", ["Score", "#AUC", "#95 % interval", "#Deaths"], rows))
    (share,) = [float(share) for share in re.findall(r"p\{([\d.]+)\\linewidth\}", text)]
    numbers = len("0.784") + len("0.751 to 0.815") + len("too few deaths (7)") + 4 * GAP
    assert 0.2 < share <= 1 - numbers / LINE + 0.005


def test_every_source_has_an_entry_and_an_unknown_one_is_an_error() -> None:
    keys = [METHOD, *(key for _, _, key in MEASURES), *SCORES.values()]
    text = bibliography(keys)
    assert [found[1] for found in re.finditer(r"@\w+\{(\w+),", text)] == list(dict.fromkeys(keys))
    assert text.count("{") == text.count("}")
    with pytest.raises(KeyError):
        bibliography(["nobody1900"])


def test_methods_cite_what_was_measured_and_each_citation_is_in_the_bibliography() -> None:
    text = methods_text(page(), ORIGIN)
    in_text = set(re.findall(r"@(\w+)", text))
    assert in_text == set(cited(page()))
    assert {"delong1988", "pocock2013"} <= in_text, "an AUC, and a clinical score that has one"
    assert not {"khan2024", "vickers2006"} & in_text, "nothing that has no figure"


def test_methods_say_what_is_synthetic_what_is_for_the_authors_and_what_was_changed() -> None:
    text = methods_text(page(**{"cohort.folds": "7"}), ORIGIN)
    note = "**Synthetic data.**"
    assert note in text and note not in methods_text(page(synthetic=False), ORIGIN)
    assert "*For the authors to complete:* The period." in text and r"Answer\_12c." in text
    assert "| cohort.folds | 7 |" in text.replace("\\", "")
    assert "echomort: 0.1.0" in text and "code that decides report: 0f3a" in text


def test_paths_of_the_site_are_not_named_among_the_changed_settings() -> None:
    changed = changed_settings(page(**{"privacy.key_file": "/secret/key"}), "standard")
    assert ("privacy.key_file", "given", "none") in changed and "secret" not in str(changed)
    assert changed_settings(page(), "standard") == []


def test_the_folder_is_whole_and_the_same_each_time(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    files = write_paper(page(), ORIGIN, {"model_card.md": b"card"}, one)
    write_paper(page(), ORIGIN, {"model_card.md": b"card"}, two)
    contents = json.loads((one / "contents.json").read_text())
    assert set(contents["files"]) == set(files) and {"tables/auc.csv", "tables/auc.tex", "methods.md"} <= set(files)
    assert [name for name in files if name.startswith("figures/")] == [
        "figures/forest.svg",
        "figures/other.svg",
        "figures/forest.pdf",
    ]
    assert all((one / name).read_bytes() == (two / name).read_bytes() for name in [*files, "contents.json"])
    pdf = (one / "figures/forest.pdf").read_bytes()
    assert pdf.startswith(b"%PDF") and b"CreationDate" not in pdf


def test_an_earlier_folder_is_replaced_and_nothing_of_a_persons_own_is(tmp_path: Path) -> None:
    folder = tmp_path / "paper"
    write_paper(page(), ORIGIN, {"model_card.md": b"card"}, folder)
    write_paper(page(), ORIGIN, {}, folder)
    assert not (folder / "model_card.md").exists()
    (folder / "methods.md").write_text("mine")
    with pytest.raises(UserError, match=r"methods\.md in .* was changed"):
        write_paper(page(), ORIGIN, {}, folder)
    assert (folder / "methods.md").read_text() == "mine"
    write_paper(page(), ORIGIN, {}, tmp_path / "other")
    (tmp_path / "other" / "draft.tex").touch()
    with pytest.raises(UserError, match=r"holds draft\.tex"):
        require_place(tmp_path / "other")


def test_a_folder_or_file_of_others_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "list").mkdir()
    (tmp_path / "list" / "contents.json").write_text("[1]")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("file", "folder", "list", "link"):
        with pytest.raises(UserError, match="was not written by this command"):
            require_place(tmp_path / name)
