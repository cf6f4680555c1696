"""The cases of a reader study: drawn once, with the truth and the model's answers frozen in the project's home.

``HOME/readers`` holds ``frozen.json`` (pseudonyms and outcomes of the cases, and the model's answers), which never
leaves the home, and what readers are shown: ``shown.json`` and ``loops/``. ``shown.json`` carries the SHA-256 of the
former.
"""

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from echomort.clips.store import read_study
from echomort.core.errors import UserError
from echomort.core.files import atomic_folder
from echomort.core.fingerprint import digest_file
from echomort.core.keys import Keyring
from echomort.ehr.variable_sets import TEN
from echomort.ehr.variables import DIASTOLIC, Variable, catalogue
from echomort.evaluation.thresholds import choose_threshold
from echomort.models.platt import Platt
from echomort.reader_study.answers import ALIVE, DEAD
from echomort.reader_study.sheets import contact_sheet
from echomort.vocabulary.model_names import BEST_FIRST

Progress = Callable[[int, int], None]
"""Called with the number of cases done, and of all."""
FOLDER, FROZEN, SHOWN, LOOPS = "readers", "frozen.json", "shown.json", "loops"
DECIMALS = {"pa_acc_time": 2}
"""Decimals printed of a variable, where not 0."""
DIASTOLIC_WORDS = {-1: "normal", 0: "dysfunction, not graded", 1: "grade 1", 2: "grade 2", 3: "grade 3"}
"""Code of the diastolic function -> its words."""
DIASTOLIC_LABEL = "Diastolic function"
"""How the variable is named beside its words: the catalogue's label explains the codes."""
OLDEST = 90
"""Years: older patients are shown as ``90 years or older``. Chosen here, to protect old patients."""
UNITS = {"a": "years", "mm[Hg]": "mmHg", "/min": "a minute", "cm/s2": "cm/s²"}
"""How units are written for readers, where not as they are."""


@dataclass(frozen=True)
class CaseRequest:
    """The design of a study: the view that every case has, how many cases (None: all that balance), how many readers,
    the seed of the draw and of every reader's order (``evaluation.seed``)."""

    view: str
    cases: int | None
    readers: int
    seed: int


@dataclass(frozen=True)
class FinishedProject:
    """What a study takes from a finished project: its home; the rows ``candidates``
    (reads/reader_study/reader_cases.sql) and ``scores`` (reads/evaluation/promotion_scores.sql); the frames a second of
    its clips; whether its patients are synthetic."""

    home: Path
    candidates: pd.DataFrame
    scores: pd.DataFrame
    fps: float
    synthetic: bool


@dataclass(frozen=True)
class Study:
    """A frozen study: its folder, what readers are shown, and what they are not."""

    root: Path
    shown: Mapping[str, Any]
    frozen: Mapping[str, Any]

    @classmethod
    def load(cls, home: Path) -> "Study":
        """Read the study of the project at ``home``; raises :class:`UserError` where there is none, or where the
        model's answers are no longer those that were frozen."""
        root = home / FOLDER
        if not (root / FROZEN).is_file():
            raise UserError(f"no reader study is frozen in {home}", "run `echomort readers export DIR` first")
        shown, content = json.loads((root / SHOWN).read_text()), (root / FROZEN).read_bytes()
        cls(root, shown, {}).require_hash(hashlib.sha256(content).hexdigest(), FROZEN)
        return cls(root, shown, json.loads(content))

    @property
    def sha256(self) -> str:
        """Digest of the truth, the model's answers and its threshold, as frozen."""
        return str(self.shown["frozen_sha256"])

    @property
    def views(self) -> list[str]:
        """The views that readers see, the one that every case has first."""
        return list(self.shown.get("views") or [self.shown["view"]])

    def require_hash(self, sha256: str, where: str) -> None:
        """Raise :class:`UserError` for what was read with other answers of the model."""
        if sha256 != self.sha256:
            raise UserError(
                f"the model's answers are not those that were frozen before reading ({where}: SHA-256 differs)",
                f"restore {FOLDER}/ of the home as it was then, or name the answers of this study only",
            )

    @property
    def cases(self) -> pd.DataFrame:
        """One row a case: case_id, died, answer (the model's), risk, fold."""
        return pd.DataFrame(self.frozen["cases"])


def first_model(scores: pd.DataFrame) -> str:
    """Return the model whose answers are frozen; ``scores`` has a column model."""
    found = [name for name in BEST_FIRST if name in set(scores["model"])]
    if not found:
        raise UserError("no model of this project has scored anything yet", "run `echomort run` to the end")
    return found[0]


def draw(candidates: pd.DataFrame, request: CaseRequest) -> pd.DataFrame:
    """Return as many of ``candidates`` (study_key, died, ...) as ``request`` asks for, half of them dead or nearly so.

    Raises :class:`UserError` where there are not that many, or of one outcome only.
    """
    shuffled = candidates.sort_values("study_key").sample(frac=1, random_state=request.seed)
    dead, alive = shuffled[shuffled["died"]], shuffled[~shuffled["died"]]
    if dead.empty or alive.empty:
        raise UserError(
            f"{len(dead)} dead and {len(alive)} surviving patients of the reader set have a loop of {request.view}",
            "name another view with --view, or begin a project with a greater cohort.reader_fraction",
        )
    wanted = request.cases or 2 * min(len(dead), len(alive))
    if wanted > len(shuffled):
        raise UserError(f"{len(shuffled)} cases can be shown, {wanted} were asked for", "ask for fewer with --cases")
    deaths = min(len(dead), max(wanted // 2, wanted - len(alive)))
    return pd.concat([dead[:deaths], alive[: wanted - deaths]])


def freeze(project: FinishedProject, request: CaseRequest, progress: Progress = lambda done, total: None) -> Study:
    """Draw the cases of a study and freeze them in the project's home, whole or not at all.

    The threshold is Youden's on the risks of the cross-validation, whose patients are others. Case ids are drawn with a
    key that is not kept. ``progress`` is called after every case.
    """
    chosen, ids = draw(project.candidates, request), Keyring(secrets.token_bytes(32))
    chosen = chosen.assign(case_id=["C" + ids.pseudonym("case", key)[:10] for key in chosen["study_key"]])
    chosen = chosen.sort_values("case_id")
    with atomic_folder(project.home / FOLDER) as root:
        frozen = {"asked": asdict(request)} | _answers(chosen, project.scores)
        (root / FROZEN).write_text(json.dumps(frozen, indent=1) + "\n")
        (root / LOOPS).mkdir()
        cases = []
        for row in chosen.to_dict("records"):
            cases.append(_shown(row, project, root / LOOPS))
            progress(len(cases), len(chosen))
        facts = {"frozen_sha256": digest_file(root / FROZEN), "view": request.view, "synthetic": project.synthetic}
        facts |= {"views": _views(cases, request.view), "fps": project.fps}
        (root / SHOWN).write_text(json.dumps(facts | {"cases": cases}, indent=1) + "\n")
    return Study.load(project.home)


def _answers(chosen: pd.DataFrame, scores: pd.DataFrame) -> dict[str, Any]:
    """The model's answers to the cases, and what they rest on."""
    model = first_model(scores)
    development = scores[(scores["model"] == model) & ~scores["held_out"]]
    platt = Platt.fit(development["logit"].to_numpy(), development["label"].to_numpy())
    threshold = choose_threshold(development["label"], platt.risk(development["logit"]))
    risk = platt.risk(chosen["logit"])
    answered = chosen[["case_id", "study_key", "patient_key", "fold", "died", "logit"]].assign(
        risk=risk, answer=np.where(risk >= threshold, DEAD, ALIVE)
    )
    deaths = int(chosen["died"].sum())
    balance = {DEAD: deaths, ALIVE: len(chosen) - deaths}
    return {"model": model, "threshold": threshold, "balance": balance, "cases": answered.to_dict("records")}


def _views(cases: list[dict[str, Any]], first: str) -> list[str]:
    """The views of ``cases``, ``first`` before the others."""
    found = {sheet["view"] for case in cases for sheet in case["sheets"]}
    return sorted(found, key=lambda view: (view != first, view))


def _shown(row: Mapping[Any, Any], project: FinishedProject, loops: Path) -> dict[str, Any]:
    """What readers see of a case; its loops are written as sheets."""
    keys, names, sheets = list(row["clip_keys"]), [], []
    clips = read_study(project.home / row["artifact"], keys)
    for number, (key, view) in enumerate(zip(keys, row["clip_views"], strict=True), 1):
        sheet = contact_sheet(clips[key])
        names.append(f"{row['case_id']}_{number}.webp")
        (loops / names[-1]).write_bytes(sheet.content)
        size = {"width": sheet.width, "height": sheet.height}
        sheets.append({"view": view, "frames": sheet.frames, "columns": sheet.columns} | size)
    variables = shown_variables(row)
    return {"case_id": row["case_id"], "loops": names, "sheets": sheets, "variables": variables}


def shown_variables(row: Mapping[Any, Any]) -> list[tuple[str, str]]:
    """Return (name, value with its unit) of the ten variables, in their order; what is missing is said to be so."""
    known = {variable.name: variable for variable in catalogue()}
    return [(_label(known[name]), _value(name, row.get(name), known[name].unit)) for name in TEN]


def _label(variable: Variable) -> str:
    return DIASTOLIC_LABEL if variable.name == DIASTOLIC else variable.label


def _value(name: str, value: Any, unit: str) -> str:
    if value is None or not np.isfinite(value):
        return "not recorded"
    if name == "age":
        return f"{OLDEST} years or older" if value >= OLDEST else f"{int(value)} years"
    if name == DIASTOLIC:
        return DIASTOLIC_WORDS[int(value)]
    return f"{value:.{DECIMALS.get(name, 0)}f} {UNITS.get(unit, unit)}"
