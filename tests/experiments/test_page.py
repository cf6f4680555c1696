"""The page of an experiment: offline, whole, the same twice, and true to its numbers."""

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from experiments.planted import NAMES, cell, cells, drawn, frame

from echomort.experiments.page import write_experiment
from echomort.experiments.results import Display

FILES = ["results.csv", "figure.svg", "figure.png", "page.html"]


class Page(HTMLParser):
    """Collects links, fetched addresses and visible text, and whether every element that opens also closes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.links += [given["href"]] if tag == "a" and "href" in given else []
        self.fetched += [given[name] for name in ("src", "srcset") if name in given]
        if tag not in ("meta", "br", "img", "link"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] != "style":
            self.text.append(data)


def written(folder, experiment, rows, is_synthetic=True, **display):
    paths = write_experiment(experiment, rows, folder, is_synthetic, Display(**display))
    assert [path.name for path in paths] == FILES == sorted(FILES, key=FILES.index)
    page = Page((folder / "page.html").read_text())
    assert page.open == [] and page.fetched == []
    return page, " ".join(" ".join(page.text).split())


@pytest.mark.parametrize("experiment", NAMES)
@pytest.mark.parametrize("amount", [0, 1, None])
def test_the_files_are_whole_offline_and_the_same_twice(tmp_path, experiment, amount):
    rows = drawn(experiment, 2).iloc[:amount]
    page, _ = written(tmp_path / "one", experiment, rows)
    written(tmp_path / "two", experiment, rows)
    for name in FILES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == sorted(FILES)
    beside = {link for link in page.links if not link.startswith("#")}
    assert beside <= set(FILES) and "figure.svg" in beside and ("results.csv" in beside) == (amount != 0)
    ElementTree.fromstring((tmp_path / "one/figure.svg").read_text())


def test_what_the_preprint_found_comes_before_ours_and_synthetic_before_both(tmp_path):
    _, text = written(tmp_path, "table1", cells("table1"))
    order = ["Synthetic data", "Repeats table 1 of the preprint", "600 patients", "0.858", "9 cells with an AUC"]
    places = [text.index(words) for words in order]
    assert places == sorted(places)
    assert "AUC, ours (synthetic)" in text and "not for comparison" in text


def test_an_archive_that_is_not_synthetic_is_not_called_so(tmp_path):
    _, text = written(tmp_path, "figure2", cells("figure2"), is_synthetic=False)
    assert "Synthetic data" not in text and "ours (synthetic)" not in text and "AUC, ours" in text


def test_no_sentence_says_more_than_equal_numbers_show(tmp_path):
    for experiment in NAMES:
        _, text = written(tmp_path / experiment, experiment, cells(experiment))
        assert not re.search(r"(higher|lower) (in|by) \d", text), experiment
        assert "lies above" not in text and "is shown" in text


def test_a_planted_difference_is_on_the_page(tmp_path):
    rows = frame([cell("flow", 0.9, picture="clips+flow"), cell("flow", 0.6, picture="clips")])
    _, text = written(tmp_path, "flow", rows)
    assert "clips and flow against clips: Apical four-chamber, higher by 0.300" in text
    assert "no consistent gain, dropped" in text, "what the preprint found stays beside it"


def test_cells_without_a_figure_have_their_reasons(tmp_path):
    rows = frame([cell("figure2", 0.777), cell("figure2", view="apical_2", reason="no clips of this view")])
    _, text = written(tmp_path, "figure2", rows, planned=5)
    assert "1 cell with an AUC, 1 without, 3 not made yet." in text
    assert "Cells without an AUC" in text and "Apical two-chamber, 3-D CNN no clips of this view" in text
    _, without = written(tmp_path, "figure2", cells("figure2"))
    assert "Cells without an AUC" not in without


def test_what_few_patients_would_reveal_is_in_no_file(tmp_path):
    rows = frame([cell("figure2", 0.7431, patients=341, deaths=3), cell("figure2", 0.8, view="apical_2")])
    _, text = written(tmp_path, "figure2", rows)
    for name in ("results.csv", "figure.svg", "page.html"):
        content = (tmp_path / name).read_text()
        assert "0.743" not in content and "0.6831" not in content
    assert "suppressed: fewer than 10 deaths or survivors" in text
    assert re.search(
        r"figure2,apical_4,cnn_3d,clips,none,365,all,folds,280,341,,,,,,", (tmp_path / "results.csv").read_text()
    )


def test_names_can_not_break_out_of_the_page(tmp_path):
    evil = '<script>alert(1)</script>&"'
    rows = frame([cell("figure2", view=evil, network=evil), cell("figure2", view="x", reason=evil)])
    _, text = written(tmp_path, "figure2", rows)
    assert "<script" not in (tmp_path / "page.html").read_text().lower()
    assert "<script" not in (tmp_path / "figure.svg").read_text().lower()
    assert "alert(1)" in text
    ElementTree.fromstring((tmp_path / "figure.svg").read_text())


def test_an_unknown_experiment_is_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(KeyError):
        write_experiment("figure9", cells("figure2"), tmp_path, True)
    assert list(tmp_path.iterdir()) == []


def test_the_level_of_the_intervals_is_the_settings(tmp_path):
    _, text = written(tmp_path, "flow", cells("flow"), confidence=0.9)
    assert "two 90 % intervals" in text and "95 %" not in text
