"""A hospital's first, small project: the whole graph, twice. It ends well, says what it can't show, and settles."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from projects import SETTINGS, Home, assignments

from echomort.settings import Synthetic
from echomort.synth.archive import write_archive

pytestmark = pytest.mark.slow

KEY = {"ECHOMORT_KEY": "a key that only these pilots know, long enough"}
SMALL = SETTINGS | {
    "cohort.salt": "echomort-1",
    "cohort.reader_fraction": 0,
    "cohort.heart_failure_fraction": 0,
    "tabular.forest_trees": 5,
    "evaluation.suppress_below_events": 10,  # the product's own
    "evaluation.permutations": 1,
    "evaluation.controls": "none",
    "training.min_clips": 10,
    "training.min_deaths": 2,
}
NAN = re.compile(r"\bnan\b", re.IGNORECASE)
NOTHING_TRAINED = "no model was trained"


def synthetic(patients: int, **changes: Any) -> Callable[[Path], dict[str, Any]]:
    """Settings of an embedded archive."""
    return lambda folder: {"sources.synthetic.patients": patients, **changes}


def site(patients: int, died: bool = True, pictures: bool = True) -> Callable[[Path], dict[str, Any]]:
    """Settings of a site's own archive, in which nobody died, or none of whose files is an echo."""

    def made(folder: Path) -> dict[str, Any]:
        write_archive(folder, Synthetic(patients=patients))
        if not died:
            deaths = folder / "ehr" / "death.csv"
            deaths.write_text(deaths.read_text().partition("\n")[0] + "\n")
        if not pictures:
            for file in (folder / "dicom").rglob("*.*"):
                file.write_text("not an echo")
        places = {"sources.dicom": folder / "dicom", "sources.ehr": folder / "ehr"}
        return places | {"sources.synthetic": "null", "imaging.reject_gate": 1, "cohort.folds": 4}

    return made


class Pilot(NamedTuple):
    """A project that was run twice, what the runs printed, and what it is said to lack."""

    home: Home
    first: str
    second: str
    lacks: str


PILOTS = {
    "one patient": (synthetic(1), NOTHING_TRAINED),
    "five patients, none of whom died": (site(5, died=False), NOTHING_TRAINED),
    "twenty patients without a clip": (site(20, pictures=False), "no video model"),
    "forty patients of one view": (synthetic(40, **{"sources.synthetic.views": "[apical_4]"}), ""),
}


@pytest.fixture(scope="module", params=PILOTS)
def pilot(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pilot:
    made, lacks = PILOTS[request.param]
    folder = tmp_path_factory.mktemp("pilot")
    home = Home(folder / "home")
    settings = {key: value for key, value in SMALL.items() if key != "sources.synthetic.patients"}
    flags = assignments(settings | made(folder / "site"))
    said = [home.here("run", *more, **KEY) for more in (flags, [])]
    for one in said:
        assert one.status == 0, one.stderr[-3000:]
        assert "Traceback" not in one.stderr and not NAN.search(one.stderr)
    return Pilot(home, said[0].stdout, said[1].stdout, lacks)


def test_the_second_run_has_nothing_to_do(pilot: Pilot) -> None:
    assert "nothing to do" not in pilot.first and "nothing to do" in pilot.second
    states = [json.loads(line) for line in pilot.home.here("status", "--json", **KEY).stdout.splitlines()]
    assert {row["state"] for row in states} == {"up to date", "on request"}


def test_nothing_says_nan(pilot: Pilot) -> None:
    status = pilot.home.here("status", **KEY).stdout
    files = [(pilot.home.root / "report" / name).read_text() for name in ("report.json", "report.html")]
    history = (pilot.home.root / "registry" / "history.json").read_text() if pilot.lacks != NOTHING_TRAINED else ""
    for text in (pilot.first, status, files[0], history, re.sub(r"<(script|style).*?</\1>", "", files[1], flags=re.S)):
        assert not NAN.search(text)


def test_what_is_lacking_is_said_on_the_terminal_and_in_the_report(pilot: Pilot) -> None:
    limits = json.loads((pilot.home.root / "report" / "report.json").read_text())["headline"]["limits"]
    assert pilot.lacks in pilot.first
    assert any(pilot.lacks.lower() in line.lower() for line in limits)


def test_no_figure_is_called_a_result(pilot: Pilot) -> None:
    headline = json.loads((pilot.home.root / "report" / "report.json").read_text())["headline"]
    assert "times in 100" not in headline["text"]
    assert not re.search(r"│ +[01]\.\d{3} ", pilot.first)


def test_predict_without_a_champion_is_one_line(pilot: Pilot) -> None:
    said = pilot.home.here("predict", str(Path(__file__)), **KEY)
    if pilot.lacks == NOTHING_TRAINED:
        assert said.status == 2
        assert said.stderr.startswith("echomort: there is no champion yet") and said.stderr.count("\n") == 1
    else:
        assert not NAN.search(said.stdout)
