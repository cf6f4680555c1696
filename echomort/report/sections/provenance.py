"""The sections on intended use and limits, on published figures, and on settings."""

from pathlib import PurePath
from typing import Any

from echomort.method import SOURCES, facts
from echomort.report.blocks import Cell, Row, Section, Table, Terms, Words
from echomort.report.data import ReportData
from echomort.report.intended_use import INTENDED_USE, OUT_OF_SCOPE, SYNTHETIC_NOTE, USERS
from echomort.report.sections import ReportSection
from echomort.report.words import TIMES

PATENTS = (
    "The published method is the subject of US patents 11,864,944 and 11,957,507; whether a use needs a licence is for "
    "the user to clarify."
)
WEIGHTS = "The authors' weights are under CC BY-NC-ND 4.0: they are neither shipped with this software nor used here."
CITATION = (
    "Ulloa Cerna et al., Deep-learning-assisted analysis of echocardiographic videos improves predictions of all-cause "
    "mortality. Nature Biomedical Engineering 2021;5:546\N{EN DASH}554. doi 10.1038/s41551-020-00667-9."
)

PUBLISHED = tuple(
    (fact.name, f"{fact.value} {fact.unit}".strip(), f"{SOURCES[fact.status]}, {fact.source}")
    for fact in facts("results")
)
"""Quantity, value and source of every figure of the authors that is quoted."""

LIMITS = (
    "One archive: cross-validation by patient; patients kept apart, if the settings keep any, are of the same archive. "
    "No other site was used (docs/validation.md: how to judge a champion there).",
    "Retrospective data: patients were not sent for an echo, nor seen again, at random.",
    "Patients lost before a year have no label: the main figures are without them; the section on follow-up "
    "weights for them.",
    "All-cause death: the score gives neither the cause nor a way to prevent it.",
    "A study beyond the range of a variable, or of how loops look, among the development cohort is told beside its "
    "risk; one that is unlike the cohort only in a combination of usual values is not.",
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
        "Published: the value that a source of the method gives (docs/method.md names page or table). Reconstructed: "
        "recalled, in no source that was read. Ours: chosen by this project or by the person who ran it. Only "
        "published values may be called the paper's."
    )
    table = Table("settings", "All settings", ["Setting", "Value", "Provenance", "Meaning"], rows, folded=True)
    return Section("settings", "Settings", [table], lead)


def setting_text(value: Any) -> str:
    """Return a setting's value as text. A path or an address becomes ``given``: a report does not reveal a site's
    files."""
    if isinstance(value, PurePath) or (isinstance(value, str) and "://" in value):
        return "given"
    if isinstance(value, (tuple, list)):
        return ", ".join(map(setting_text, value))
    if isinstance(value, bool):
        return str(value).lower()
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def use(data: ReportData) -> Section:
    """Return intended use, users, what is out of scope, and the limits of the figures."""
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
    """Return the figures that the method's authors published; none of them is reproduced here."""
    rows = [(what, Cell(value, style="strong"), Cell(source, style="muted")) for what, value, source in PUBLISHED]
    lead = f"Other data, other patients: for orientation, not for comparison with the figures above. {CITATION}"
    table = Table("published", "As published by the method's authors", ["Quantity", "Published", "Source"], rows)
    return Section("published", "What is published", [table], lead)


def clip_format(data: ReportData) -> str:
    """Return the shape and frame rate of clips in words, from the settings; empty where they are unknown."""
    prefix = "imaging.clip."
    known = {key.removeprefix(prefix): value for key, value in data.setting_values.items() if key.startswith(prefix)}
    if not {"frames", "height", "width", "fps"} <= known.keys():
        return ""
    return f"{known['frames']} frames of {known['height']} {TIMES} {known['width']} pixels at {known['fps']:g} a second"


REPORT_SECTION = ReportSection(place=120, build=lambda inputs: [use(inputs.data), published(), settings(inputs.data)])
