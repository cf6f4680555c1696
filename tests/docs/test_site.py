"""The pages are a site: its links hold, its commands exist, its figures are those of the pages they come from."""

import importlib.util
import re
import shlex
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd
import pytest
import yaml
from commands import accepts
from projects import Home, clean_environment

from echomort.settings.sections import Evaluation

matplotlib.use("agg")
ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", *DOCS.rglob("*.md")])
SITE: dict[str, Any] = yaml.safe_load((ROOT / "mkdocs.yml").read_text())


def pages_of(part: Any) -> list[str]:
    """Return the pages of a part of the navigation."""
    if isinstance(part, str):
        return [part]
    return [page for one in (part.values() if isinstance(part, dict) else part) for page in pages_of(one)]


def test_every_page_has_one_place_in_the_navigation() -> None:
    named = pages_of(SITE["nav"])
    assert sorted(named) == sorted(page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md"))


def commands_of(page: Path) -> list[list[str]]:
    """Return the calls of ``echomort`` in the blocks of a page that show commands to type."""
    blocks = re.findall(r"^```\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    lines = re.sub(r"\\\n\s*", "", "".join(blocks)).splitlines()
    calls = [re.sub(r"\s#\s.*|\s[|>&].*", "", line) for line in lines if re.match(r"echomort [a-z]", line)]
    return [shlex.split(call) for call in calls]


@pytest.mark.parametrize("page", [page for page in PAGES if commands_of(page)], ids=lambda page: page.stem)
def test_every_command_of_a_page_exists_with_its_options(page: Path) -> None:
    for call in commands_of(page):
        accepts(call)


def test_the_figures_of_sizing_stand_on_the_pages_that_they_are_from() -> None:
    rows = re.findall(r"^\| (.+?) \| (.+?) \| \[.*?\]\((.+?)\) \|$", (DOCS / "sizing.md").read_text(), re.MULTILINE)
    assert len(rows) > 12
    for what, figure, page in rows:
        assert re.search(rf"(?<![\d.]){re.escape(figure)}(?![\d])", (DOCS / page).read_text()), (what, figure, page)


def test_the_computed_times_follow_from_the_figures() -> None:
    text = (DOCS / "sizing.md").read_text()
    clip, headers, trained = 0.1065, 4595, 17.4
    minutes = {"min": 1, "h": 60}
    rows = re.findall(r"^\| ([\d,]+) \| ([\d.]+) (min|h) \| ([\d.]+) (min|h) \| (\d+) GB \|$", text, re.MULTILINE)
    assert len(rows) == 4
    for clips, read, read_unit, epoch, epoch_unit, disk in rows:
        number = int(clips.replace(",", ""))
        assert float(read) * minutes[read_unit] == pytest.approx(number * (clip + 1 / headers) / 60, rel=0.1)
        assert float(epoch) * minutes[epoch_unit] == pytest.approx(10 * number / trained / 60, rel=0.1)
        assert float(disk) == pytest.approx(number * 0.98e-3, rel=0.1)


def test_the_paper_s_size_follows_from_the_table_above_it() -> None:
    text = (DOCS / "sizing.md").read_text()
    (read, epoch) = (float(hours) for hours in re.findall(r"\| 812,278 \| (\d+) h \| (\d+) h \|", text)[0])
    rows = re.findall(r"^\| (\d+) \| ([\d,]+) \| ([\d.]+) h \| ([\d.]+) h \| (\d+) \|$", text, re.MULTILINE)
    assert len(rows) == 3
    for epochs, hours, few, many, cost in rows:
        whole = read + int(epochs) * epoch
        assert float(hours.replace(",", "")) == whole
        assert [float(few), float(many)] == pytest.approx([whole / 64, whole / 512], rel=0.02)
        assert float(cost) == pytest.approx(0.04 * whole, rel=0.01)


def test_the_site_is_built_with_no_broken_link_and_needs_no_network(tmp_path: Path) -> None:
    if importlib.util.find_spec("material") is None:
        pytest.skip("needs the extra docs (mkdocs-material)")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", tmp_path / "site"]
    environment = clean_environment() | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    page = (tmp_path / "site/index.html").read_text()
    fetched = re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=\"?(https?://[^\"\s>]+)", page)
    assert fetched == []
    assert (tmp_path / "site/search/search_index.json").is_file()
    for built in (tmp_path / "site").rglob("*.html"):
        shown = re.sub(r"<pre.*?</pre>", "", built.read_text(), flags=re.DOTALL)
        as_text = re.findall(r"^ {0,4}(?:- |\| |\d\. |```).*", shown, re.MULTILINE)
        assert as_text == [], f"{built.name}: a list, table or example that is shown as text"


@pytest.mark.slow
def test_the_tutorial_on_an_own_network_does_what_it_says(
    finished: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo").symlink_to(finished.root)
    few = partial(Evaluation, suppress_below_events=2)  # as the finished project
    monkeypatch.setattr("echomort.evaluation.summary.Evaluation", few)
    names: dict[str, object] = {}
    for code in re.findall(r"```python\n(.*?)```", (DOCS / "tutorials/own_network.md").read_text(), re.DOTALL):
        exec(code, names)
    found = names["found"]
    assert isinstance(found, pd.DataFrame)
    assert set(found["model"]) == {"motion", "view:apical_4", "ehr"} and found["value"].between(0, 1).all()
    assert (tmp_path / "clip.png").is_file()
