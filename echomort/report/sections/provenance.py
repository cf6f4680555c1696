"""The sections that stay true from run to run: settings, limits, what is published, and where all of it came from."""

from pathlib import PurePath
from typing import Any

from echomort.report.blocks import Cell, Row, Section, Table, Terms, Words
from echomort.report.data import ReportData
from echomort.report.sections import ReportSection
from echomort.report.words import TIMES

INTENDED_USE = (
    "For research: to build, check and compare one-year mortality models on an archive of one's own. Not a medical "
    "device; not for diagnosis, triage or any decision about a patient."
)
USERS = "Data engineers and researchers who hold an archive and may lawfully use it."
OUT_OF_SCOPE = (
    "Care of individual patients; children; transoesophageal, stress or point-of-care studies; scanners, views or "
    "populations unlike those of the archive at hand, until validated there."
)
SYNTHETIC_NOTE = (
    "Every patient, picture and record here was generated. The figures say how the pipeline works, "
    "nothing about patients."
)
PATENTS = (
    "The published method is the subject of US patents 11,864,944 and 11,957,507; whether a use needs a licence is for "
    "its user to settle."
)
WEIGHTS = "The authors' weights are under CC BY-NC-ND 4.0: they are neither shipped with this software nor used here."
CITATION = (
    "Ulloa Cerna et al., Deep-learning-assisted analysis of echocardiographic videos improves predictions of all-cause "
    "mortality. Nature Biomedical Engineering 2021;5:546\N{EN DASH}554. doi 10.1038/s41551-020-00667-9."
)

PUBLISHED = (
    ("Videos / patients, journal", "812,278 / 34,362", "Nat. Biomed. Eng. 2021"),
    ("Videos / patients, preprint", "723,754 / 27,028", "arXiv 1811.10553"),
    ("Test AUC, videos; videos + EHR, preprint", "0.839; 0.858", "arXiv 1811.10553"),
    ("One view (parasternal long axis), 3-D CNN, mean AUC", "0.78", "Thesis, Univ. New Mexico 2019"),
    ("Reader survey of 600, model: accuracy / AUC", "75 % / 0.80", "Thesis, Univ. New Mexico 2019"),
    ("Reader survey of 600, two cardiologists: accuracy", "56 %, 61 %", "Thesis, Univ. New Mexico 2019"),
    (
        "Cardiologists assisted by the model (4 readers)",
        "sensitivity +13 %, specificity kept",
        "Nat. Biomed. Eng. 2021",
    ),
    ("Heart-failure set: echos / patients", "3,384 / 2,404", "Nat. Biomed. Eng. 2021"),
    ("Variables: echo + clinical", "58 + 100", "Nat. Biomed. Eng. 2021"),
)

LIMITS = (
    "Internal validation only: cross-validation by patient inside one archive. No external or temporal validation was "
    "made for this report.",
    "Retrospective data: who was sent for an echo, and who came back to be seen alive, was not by chance.",
    "Studies without a known outcome are left out; the figures weighted for censoring are in the JSON twin.",
    "All-cause death: the score does not say why, nor what would prevent it.",
    "Predicted risks hold at this archive's share of deaths; elsewhere they need recalibration.",
)


def settings(data: ReportData) -> Section:
    """Return every setting that decided a figure, with where its value comes from."""
    rows: list[Row] = [
        [
            Cell(key, style="code"),
            Cell(setting_text(value), style="code"),
            Cell(source, style=f"tag tag-{source}"),
            Cell(meaning, style="muted"),
        ]
        for key, value, source, meaning in data.settings
    ]
    lead = (
        "Published: read in a source of the method. Reconstructed: recalled or deduced, not re-checked. Ours: chosen "
        "by this project or by whoever ran it. Only what is published may be called the paper's."
    )
    table = Table("settings", "All settings", ["Setting", "Value", "Provenance", "Meaning"], rows, folded=True)
    return Section("settings", "Settings", [table], lead)


def setting_text(value: Any) -> str:
    """Return a setting's value for readers; where a file lies is the site's business, so a path or an
    address is only ``given``."""
    if isinstance(value, PurePath) or (isinstance(value, str) and "://" in value):
        return "given"
    if isinstance(value, (tuple, list)):
        return ", ".join(str(part) for part in value)
    if isinstance(value, bool):
        return str(value).lower()
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def use(data: ReportData) -> Section:
    """Return what the model is for, what it is not for, and what its figures cannot say."""
    terms = Terms(
        [
            ("Intended use", INTENDED_USE),
            ("Users", USERS),
            ("Out of scope", OUT_OF_SCOPE),
            ("Patents", PATENTS),
            ("Weights", WEIGHTS),
        ]
    )
    limits = [SYNTHETIC_NOTE, *LIMITS] if data.synthetic else list(LIMITS)
    return Section("use", "Limits and intended use", [terms, Words(limits, listed=True)])


def published() -> Section:
    """Return the figures that the method's authors published, none of them reproduced here."""
    rows = [(what, Cell(value, style="strong"), Cell(source, style="muted")) for what, value, source in PUBLISHED]
    lead = f"Other data, other patients: for orientation, not for comparison with the figures above. {CITATION}"
    table = Table("published", "As published by the method's authors", ["Quantity", "Published", "Source"], rows)
    return Section("published", "What is published", [table], lead)


def arrangement(data: ReportData) -> str:
    """Return the clip's shape and rate in words, from the settings."""
    known = {
        key.removeprefix("imaging.clip."): value
        for key, value, _, _ in data.settings
        if key.startswith("imaging.clip.")
    }
    if not {"frames", "height", "width", "fps"} <= known.keys():
        return ""
    return f"{known['frames']} frames of {known['height']} {TIMES} {known['width']} pixels at {known['fps']:g} a second"


REPORT_SECTION = ReportSection(place=120, build=lambda given: [use(given.data), published(), settings(given.data)])
