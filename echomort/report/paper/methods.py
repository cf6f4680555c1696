"""The methods text of a paper: the answers of the reporting checklist on methods as paragraphs, with their sources."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from echomort.report import intended_use
from echomort.report.build import Page
from echomort.report.paper import references
from echomort.report.sections import Answer
from echomort.report.sections.provenance import setting_text
from echomort.report.templating import template
from echomort.settings import load_settings

PARAGRAPHS = {
    "Source of data": ("4", "5a", "5b", "6a"),
    "Participants": ("6b", "6c"),
    "Outcome": ("8a", "8b"),
    "Predictors": ("7", "9a", "9b", "9c"),
    "Sample size": ("10",),
    "Missing data": ("11", "12b"),
    "Models": ("12c", "13", "15"),
    "Evaluation": ("12a", "12d", "12e", "12f", "12g", "16"),
    "Fairness": ("14",),
}
"""Title -> items of TRIPOD+AI (Collins et al. 2024) whose answers make the paragraph."""


@dataclass(frozen=True)
class Origin:
    """Where the results come from: the ``preset`` of the settings, and ``code``, name of an asset -> digest of the code
    that decides it."""

    preset: str
    code: Mapping[str, str]


@dataclass(frozen=True)
class Paragraph:
    """A titled part of the methods text; ``open_points`` are what only its authors know."""

    title: str
    sentences: Sequence[str]
    open_points: Sequence[str]


def methods_text(page: Page, origin: Origin) -> str:
    """Return the methods as Markdown with citations of pandoc (``[@key]``)."""
    return template("methods.md.j2", "paper").render(
        synthetic=page.facts.data.synthetic,
        note=intended_use.SYNTHETIC_NOTE,
        paragraphs=[_paragraph(title, items, page.answers) for title, items in PARAGRAPHS.items()],
        measures=references.measure_sources(page.facts),
        scores=references.score_sources(page.facts),
        method=references.METHOD,
        checklist=references.CHECKLIST,
        risk_of_bias=references.RISK_OF_BIAS,
        model_card=references.MODEL_CARD,
        trees=references.TREES,
        preset=origin.preset,
        changed=changed_settings(page, origin.preset),
        lineage={name: setting_text(value) for name, value in page.facts.data.lineage.items()},
        code=origin.code,
    )


def cited(page: Page) -> list[str]:
    """Return the keys of the sources that :func:`methods_text` cites, in its order."""
    found = [*references.measure_sources(page.facts), *references.score_sources(page.facts)]
    fixed = (references.METHOD, references.TREES, references.CHECKLIST, references.RISK_OF_BIAS, references.MODEL_CARD)
    return [*fixed, *(key for _, key in found)]


def changed_settings(page: Page, preset: str) -> list[tuple[str, str, str]]:
    """Return (key, value here, value of ``preset``) of each setting that differs; paths and addresses are not named."""
    usual = {key: value for key, value, *_ in load_settings(flags={"preset": preset}, environment={}).provenance()}
    return [
        (key, setting_text(value), setting_text(usual[key]) if key in usual else "")
        for key, value in page.facts.data.setting_values.items()
        if key not in usual or usual[key] != value
    ]


def _paragraph(title: str, items: Sequence[str], answers: Mapping[str, Answer]) -> Paragraph:
    found = [answers[item] for item in items]
    for_authors = [one.answer for one in found if one.status == "for the site to answer"]
    return Paragraph(title, [one.answer for one in found if one.status != "for the site to answer"], for_authors)
