"""The page of a reader, in a browser: going back, pausing, stepping, and what the saved file says."""

import csv
import html
import io
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from echomort.reader_study.answers import UNAIDED, typed
from echomort.reader_study.bundle import write_bundle
from echomort.reader_study.cases import LOOPS, Study
from echomort.reader_study.sheets import contact_sheet

CHROMIUM = shutil.which("chromium")
FLAGS = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
FLAGS += (
    " --disable-component-update --disable-sync --virtual-time-budget=4000 --dump-dom --allow-file-access-from-files"
)
"""The last one lets the tests read the drawn pixels; a reader's browser needs no flag."""
HELPERS = """
const text = name => document.getElementById(name).textContent;
const press = key => document.dispatchEvent(new KeyboardEvent("keydown", { key }));
function fill(answer, confidence) {
  if (answer) form.answer.value = answer;
  const moved = new Event("input", { bubbles: true });
  if (confidence !== undefined) { form.confidence.value = confidence; form.confidence.dispatchEvent(moved); }
  form.dispatchEvent(new Event("input", { bubbles: true }));
}
function next() { document.getElementById("next").click(); }
const seen = [], say = value => seen.push(String(value));
URL.createObjectURL = blob => { blob.text().then(saved => { document.body.dataset.saved = saved; }); return "#"; };
HTMLAnchorElement.prototype.click = () => {};
"""

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three cases of two loops each; the grey of a frame grows with its number."""
    folder, cases = tmp_path_factory.mktemp("study"), []
    (folder / LOOPS).mkdir()
    for case in ("C1", "C2", "C3"):
        sheets = []
        for number, frames in ((1, 6), (2, 4)):
            grey = np.arange(frames, dtype=np.uint8)[:, None, None] * 40 + 20
            sheet = contact_sheet(np.repeat(np.repeat(grey, 30, 1), 40, 2))
            (folder / LOOPS / f"{case}_{number}.webp").write_bytes(sheet.content)
            size = {"frames": sheet.frames, "columns": sheet.columns, "width": sheet.width, "height": sheet.height}
            sheets.append(size | {"view": ("parasternal_long", "apical_4")[number - 1]})
        loops = [f"{case}_1.webp", f"{case}_2.webp"]
        cases.append({"case_id": case, "loops": loops, "sheets": sheets, "variables": [["Age", "70 years"]]})
    shown = {"frozen_sha256": "f", "view": "parasternal_long", "synthetic": True, "fps": 20.0, "cases": cases}
    asked = {"readers": 1, "seed": 1}
    answers = [{"case_id": case, "answer": "dead", "risk": 0.5} for case in ("C1", "C2", "C3")]
    write_bundle(Study(folder, shown, {"asked": asked, "threshold": 0.4, "cases": answers}), folder / "out", UNAIDED)
    return folder / "out"


def run(bundle: Path, script: str, tmp_path: Path) -> tuple[list[str], str]:
    """Run ``script`` on the page; return what it said, and the file that the page saved."""
    page = bundle / "test.html"
    end = "document.body.dataset.seen = JSON.stringify(seen);"
    added = f"<script>{HELPERS}\n(async () => {{ {script}\n{end} }})();</script></body>"
    page.write_text((bundle / "R1.html").read_text().replace("</body>", added))
    command = [str(CHROMIUM), *FLAGS.split(), f"--user-data-dir={tmp_path / 'profile'}", page.as_uri()]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True).stdout
    found = {name: html.unescape(value) for name, value in re.findall(r'data-(seen|saved)="([^"]*)"', dom)}
    assert "seen" in found, dom[-2000:]
    return json.loads(found["seen"]), found.get("saved", "")


def test_an_answer_that_is_changed_after_going_back_counts_and_the_first_is_kept(bundle: Path, tmp_path: Path) -> None:
    script = """
    say(document.getElementById("back").disabled);
    fill("alive", 60); next(); fill("dead", 80); next();
    say(text("where")); press("b"); document.getElementById("back").click();
    say(text("where")); say(form.answer.value + " " + form.confidence.value);
    say(document.getElementById("earlier").hidden);
    fill("dead", 30); next(); say(text("where") + " " + form.answer.value); next();
    fill("alive", 10); next(); say(document.getElementById("done").hidden);
    document.getElementById("save").click(); await new Promise(done => setTimeout(done, 100));
    """
    seen, saved = run(bundle, script, tmp_path)
    assert seen == ["true", "3 of 3", "1 of 3", "alive 60", "false", "2 of 3 dead", "false"]
    rows = list(csv.DictReader(io.StringIO(saved)))
    assert [(row["answer"], row["first_answer"], row["confidence"], row["seen_order"]) for row in rows] == [
        ("dead", "alive", "30", "1"), ("dead", "dead", "80", "2"), ("alive", "alive", "10", "3"),
    ]  # fmt: skip
    table = typed(pd.DataFrame(rows))
    assert (table["answer"] != table["first_answer"]).tolist() == [True, False, False]
    assert table["seconds"].ge(0).all()


def test_a_case_needs_an_answer_and_a_confidence_and_keeps_half_of_them_when_left(bundle: Path, tmp_path: Path) -> None:
    script = """
    const disabled = () => document.getElementById("next").disabled;
    say(disabled()); fill("alive"); say(disabled()); fill(undefined, 20); say(disabled()); next();
    fill("dead"); press("b"); next(); say(form.answer.value); say(disabled());
    say(document.getElementById("earlier").hidden);
    say(Object.keys(localStorage).length);
    """
    seen, _ = run(bundle, script, tmp_path)
    assert seen == ["true", "true", "false", "dead", "true", "true", "1"]


def test_a_loop_pauses_and_steps_by_keys_and_buttons_through_every_frame(bundle: Path, tmp_path: Path) -> None:
    script = """
    await new Promise(done => setTimeout(done, 400));
    const frame = () => text("frame") + " " + text("play");
    const moving = frame(); await new Promise(done => setTimeout(done, 120)); say(moving !== frame());
    press("p"); const still = frame(); await new Promise(done => setTimeout(done, 200)); say(still === frame());
    while (!frame().startsWith("frame 1 ")) press(".");
    say(frame()); press(","); say(frame()); document.getElementById("later-frame").click(); say(frame());
    document.getElementById("earlier-frame").click(); say(frame());
    say([...document.querySelectorAll("figcaption")].map(caption => caption.textContent).join("; "));
    say(document.querySelector("canvas").getAttribute("aria-label")); press("p"); say(text("play"));
    say([...document.querySelectorAll("button")].every(button => button.tabIndex === 0));
    """
    seen, _ = run(bundle, script, tmp_path)
    assert seen[:6] == [
        "true",
        "true",
        "frame 1 of 6 Play",
        "frame 6 of 6 Play",
        "frame 1 of 6 Play",
        "frame 6 of 6 Play",
    ]
    assert seen[6] == "Parasternal long axis, 1 of 2; Apical four-chamber, 2 of 2"
    assert seen[7:] == ["Parasternal long axis, 1 of 2", "Pause", "true"]


def test_a_step_draws_the_next_frame_of_each_loop(bundle: Path, tmp_path: Path) -> None:
    script = """
    await new Promise(done => setTimeout(done, 400)); player.at = 0; step(0);
    const grey = number => { const { width, height } = player.loops[number].canvas;
      return player.loops[number].canvas.getContext("2d").getImageData(width / 2, height / 2, 1, 1).data[0]; };
    for (let count = 0; count < 6; count += 1) { say(`${grey(0)} ${grey(1)}`); press("."); }
    """
    seen, _ = run(bundle, script, tmp_path)
    drawn = np.array([pair.split() for pair in seen], dtype=int)
    assert drawn[:, 0] == pytest.approx([20, 60, 100, 140, 180, 220], abs=4)
    assert drawn[:, 1] == pytest.approx([20, 60, 100, 140, 20, 60], abs=4), "a shorter loop begins again"


def test_a_page_without_its_loops_says_what_is_missing(bundle: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(bundle / "R1.html", alone)
    script = 'await new Promise(done => setTimeout(done, 500)); say(document.querySelector("figcaption").textContent);'
    seen, _ = run(alone, script, tmp_path)
    assert seen == ['Parasternal long axis, 1 of 2: not found. Keep this page beside its folder "loops".']
