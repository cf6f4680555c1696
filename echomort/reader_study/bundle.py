"""The bundle for readers: a folder with one offline page a reader, the loops, and a manifest."""

import functools
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from echomort.core.errors import UserError
from echomort.core.files import atomic_folder
from echomort.core.fingerprint import digest
from echomort.reader_study.answers import AIDED
from echomort.reader_study.cases import LOOPS, Study
from echomort.report.words import percent, view_words

MANIFEST = "manifest.json"
SCHEMA, SCHEMA_VERSION = "echomort-reader-bundle", 1


def write_bundle(study: Study, folder: Path, condition: str) -> list[str]:
    """Write the pages (``R1.html`` and so on), ``loops/`` and ``manifest.json`` of one arm into the new ``folder``.

    The truth is in neither arm; the model's answers are on the pages of ``aided`` alone. Returns the readers' names.
    Raises :class:`UserError` where ``folder`` holds something already.
    """
    must_be_new(folder)
    readers = [f"R{number}" for number in range(1, study.frozen["asked"]["readers"] + 1)]
    with atomic_folder(folder) as whole:
        shutil.copytree(study.root / LOOPS, whole / LOOPS)
        for reader in readers:
            page = _page(study, reader, condition)
            (whole / f"{reader}.html").write_text(_template().render(page=page), encoding="utf-8")
        (whole / MANIFEST).write_text(json.dumps(_manifest(study, readers, condition), indent=1) + "\n")
    return readers


def must_be_new(folder: Path) -> None:
    """Raise :class:`UserError` where ``folder`` holds something already: it would be lost."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} exists already", "name a new folder, or remove it first")


def order(case_ids: list[str], seed: int, reader: str, condition: str) -> list[str]:
    """Return the cases in the order in which ``reader`` sees them: another one for every reader and condition."""
    random = np.random.default_rng(int(digest("order", seed, reader, condition), 16))
    return [case_ids[place] for place in random.permutation(len(case_ids))]


def _page(study: Study, reader: str, condition: str) -> dict[str, Any]:
    cases = {case["case_id"]: case for case in study.shown["cases"]}
    model_answers = {case["case_id"]: _words(case, study.frozen["threshold"]) for case in study.frozen["cases"]}
    seen = order(sorted(cases), study.frozen["asked"]["seed"], reader, condition)
    shown = [_loops(cases[name]) | ({"model": model_answers[name]} if condition == AIDED else {}) for name in seen]
    common = {name: study.shown[name] for name in ("frozen_sha256", "synthetic")} | {"fps": study.shown.get("fps")}
    return common | {"reader": reader, "condition": condition, "cases": shown}


def _loops(case: Mapping[str, Any]) -> dict[str, Any]:
    """The case with its loops as the page plays them; an animation, as older studies froze them, has no frames."""
    sheets = case.get("sheets") or [{"view": None, "frames": None} for _ in case["loops"]]
    loops = [
        sheet | {"file": file, "view": sheet["view"] and view_words(sheet["view"])}
        for file, sheet in zip(case["loops"], sheets, strict=True)
    ]
    return {"case_id": case["case_id"], "variables": case["variables"], "loops": loops}


def _words(case: Mapping[str, Any], threshold: float) -> str:
    risk = f"risk of death within a year {percent(case['risk'])}"
    return f"The model: {case['answer']} ({risk}; its answer is dead from {percent(threshold)})."


def _manifest(study: Study, readers: list[str], condition: str) -> dict[str, Any]:
    known = {"schema": SCHEMA, "schema_version": SCHEMA_VERSION, "condition": condition, "readers": readers}
    shown = {name: study.shown[name] for name in ("frozen_sha256", "view", "synthetic")}
    return known | shown | {"views": study.views, "cases": len(study.shown["cases"])}


@functools.cache
def _template() -> jinja2.Template:
    loader = jinja2.PackageLoader("echomort.reader_study", "templates")
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.get_template("page.html.j2")
