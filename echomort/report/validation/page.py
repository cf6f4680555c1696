"""Write a validation: one page, the same numbers as JSON, and its figures and tables.

All hold aggregates alone. Figures of groups with few deaths or survivors are withheld, as in the report; curves have no
two points between which there are few patients.
"""

import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from echomort.core.errors import UserError
from echomort.core.files import atomic_folder
from echomort.report import intended_use
from echomort.report.blocks import Section, Words
from echomort.report.exports import FOLDERS, exported
from echomort.report.numbers import Numbers
from echomort.report.sections import provenance
from echomort.report.templating import style, template
from echomort.report.validation.data import ValidationData
from echomort.report.validation.sections import validation_sections

SCHEMA, SCHEMA_VERSION = "echomort-validation", 1
"""Name and version of the JSON's layout; the version goes up when a key changes its meaning."""
PAGE, TWIN = "validation.html", "validation.json"


def require_place(folder: Path) -> None:
    """Raise :class:`UserError` where ``folder`` can't be written, or holds something that is not a validation: it would
    be replaced."""
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / TWIN).is_file())):
        raise UserError(f"{folder} exists already and is not a validation", "name a new folder with -o")
    place = next(parent for parent in folder.absolute().parents if parent.exists())
    if not place.is_dir() or not os.access(place, os.W_OK):
        raise UserError(f"{folder} can't be written", "name a folder with -o where you may write")


def write_validation(data: ValidationData, folder: Path) -> Path:
    """Write ``validation.html``, ``validation.json`` and the folders ``figures`` and ``tables`` as the one ``folder``,
    which is complete or absent; return the page. Equal data give equal bytes."""
    numbers = Numbers(data.validated.rows, data.suppress_below, data.plan.confidence)
    page = validation_sections(data, numbers)
    page.append(Section("use", "Limits", [Words(_limits(data), listed=True)]))
    files = exported(page)
    twin = json.dumps(document(data, numbers, page, list(files)), indent=1, ensure_ascii=False, allow_nan=False)
    with atomic_folder(folder) as whole:
        for name in FOLDERS:
            (whole / name).mkdir()
        for path, content in files.items():
            (whole / path).write_text(content, encoding="utf-8", newline="")
        (whole / TWIN).write_text(twin + "\n", encoding="utf-8")
        (whole / PAGE).write_text(_render(data, page), encoding="utf-8")
    return folder / PAGE


def document(data: ValidationData, numbers: Numbers, page: Sequence[Section], files: Sequence[str]) -> dict[str, Any]:
    """Return the JSON: aggregates alone."""
    ladder = data.validated.ladder
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "champion": data.champion,
        "champion_synthetic": bool(data.manifest["synthetic"]),
        "champion_made_by": data.manifest["provenance"].get("echomort"),
        "on": data.on,
        "synthetic": data.synthetic,
        "counts": [
            {"what": what, "studies": studies, "patients": patients} for what, studies, patients in data.shown_counts
        ],
        "metrics": list(numbers.records()),
        "ladder": {
            "shift": _limits_of(ladder.shift),
            "slope": _limits_of(ladder.slope),
            "intercept": _finite(ladder.intercept),
            "p_none": _finite(ladder.p_none),
            "p_in_the_large": _finite(ladder.p_in_the_large),
            "advised": ladder.advised,
        },
        "tables": {table.name: table.text_rows() for section in page for table in section.tables},
        "figures": [
            {
                "name": one.name,
                "title": one.title,
                "file": one.file,
                "points": {name: [_finite(float(value)) for value in values] for name, values in one.points.items()},
            }
            for section in page
            for one in section.pictures
        ],
        "files": list(files),
        "settings": {key: provenance.setting_text(value) for key, value in data.settings.items()},
        "limits": _limits(data),
    }


def _limits(data: ValidationData) -> list[str]:
    return [
        *([data.note] if data.note else []),
        "The model was fixed: nothing of it was chosen or fitted on these patients. The maps of the ladder were, each "
        "on other patients than it is judged on.",
        "Patients whom the model was trained on are left out as far as this project's registry names them; whether "
        "another archive of the same people was used for training, the software can't know.",
        "Two validations of overlapping patients, such as of 2018 to 2019 and of 2018 to 2020, can be subtracted from "
        "each other: release one of them.",
        "A patient whose follow-up ends before the horizon counts in the weighted figures alone.",
        intended_use.INTENDED_USE,
    ]


def _limits_of(interval: Any) -> dict[str, float | None]:
    return {name: _finite(getattr(interval, name)) for name in ("value", "low", "high")}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _render(data: ValidationData, page: Sequence[Section]) -> str:
    return template("validation.html.j2").render(
        title=f"Champion {data.champion}, validated on {data.on}",
        stamp=f"Trained by echomort {data.manifest['provenance'].get('echomort', '')}; nothing of it was changed here.",
        note=data.note,
        sections=page,
        style=style(),
    )
