"""The section on sample size: what the archive is too small to show."""

from collections.abc import Mapping
from dataclasses import dataclass

from echomort.ehr.variables import names
from echomort.evaluation.inputs import logit
from echomort.evaluation.sample_size import (
    DevelopmentSize,
    Precision,
    development_size,
    evaluation_precision,
    r2_from_c,
)
from echomort.report.blocks import Cell, Row, Section, Table
from echomort.report.numbers import Figure, Numbers
from echomort.report.scores import ModelScores
from echomort.report.sections import ReportSection
from echomort.report.words import NOTHING, count, counted, model_words, number, percent
from echomort.vocabulary.model_names import EHR

ALL_RECORDS = "All variables of the health record"
PARAMETERS = {
    "Age, sex and LVEF": 3,
    "The echo variables": len(names("echo")),
    "The clinical variables": len(names("clinical", "diagnosis")),
    ALL_RECORDS: len(names("echo", "clinical", "diagnosis")),
}
"""Candidate parameters of a regression: one a variable, as if each had a straight effect."""


@dataclass(frozen=True)
class Development:
    """What it takes to develop a regression on the health record: the ``area`` that is expected of it, its Cox-Snell
    ``r2``, and the sizes by the variables it has."""

    area: Figure
    r2: float
    sizes: Mapping[str, DevelopmentSize]

    @property
    def patients(self) -> int:
        """The patients at hand."""
        return self.area.n or 0

    @property
    def is_enough(self) -> bool:
        """Whether they suffice for all variables."""
        return self.patients >= self.sizes[ALL_RECORDS].needed


def development(numbers: Numbers) -> Development | None:
    """Return what it takes, with the AUC of the health-record trees; None where that is not above chance."""
    area = numbers.auc(EHR)
    if not area.is_known or not area.n or not area.events or not 0.5 < area.value < 1 or area.events >= area.n:
        return None
    prevalence = area.events / area.n
    r2 = r2_from_c(area.value, prevalence)
    try:
        sizes = {name: development_size(r2, parameters, prevalence) for name, parameters in PARAMETERS.items()}
    except ValueError:  # so near to 0.5 or to 1 that the formulas have no size
        return None
    return Development(area, r2, sizes)


def precision(numbers: Numbers, scores: Mapping[str, ModelScores]) -> list[Precision]:
    """Return how precise the evaluation of the main model is; empty where it has no ranking above chance."""
    best = numbers.best() or ""
    area, score = numbers.auc(best), scores.get(best)
    if score is None or not score.has_both_classes or not area.is_known or not 0 < area.value < 1:
        return []
    risks = score.probabilities if score.recalibrated is None else score.recalibrated
    return evaluation_precision(logit(risks), area.value, float(score.labels.mean()), len(score.labels))


def sample_size(numbers: Numbers, scores: Mapping[str, ModelScores]) -> list[Section]:
    """Return the section; nothing where no model has an AUC."""
    found, precise = development(numbers), precision(numbers, scores)
    tables = [
        *([_development_table(found)] if found else []),
        *([_evaluation_table(numbers, precise)] if precise else []),
    ]
    lead = " ".join(words for words in (_development_words(found), _evaluation_words(precise)) if words)
    return [Section("sample-size", "Is this archive large enough?", tables, lead)] if tables else []


def summary(numbers: Numbers) -> str:
    """Return what development takes and what there is, in a sentence; empty where no size can be computed."""
    return _development_words(development(numbers))


def _development_words(found: Development | None) -> str:
    if found is None:
        return ""
    size, area = found.sizes[ALL_RECORDS], number(found.area.value)
    verdict = "enough" if found.is_enough else "too few"
    return (
        f"A regression on all {PARAMETERS[ALL_RECORDS]} health-record variables, with an AUC of {area}, takes "
        f"{counted(size.needed, 'patient')}; there are {count(found.patients)}: {verdict}."
    )


def _evaluation_words(precise: list[Precision]) -> str:
    wide = [one.figure for one in precise if one.width > one.target]
    if not precise:
        return ""
    if not wide:
        return "The evaluation is as precise as is usually asked for."
    return f"The evaluation is less precise than is usually asked for: {', '.join(wide)}."


def _development_table(found: Development) -> Table:
    prevalence = (found.area.events or 0) / found.patients
    rows: list[Row] = []
    for name, size in found.sizes.items():
        enough = Cell("yes", style="pass") if found.patients >= size.needed else Cell("no", style="warn")
        deaths = count(round(size.needed * prevalence))
        rows.append([name, str(PARAMETERS[name]), Cell(count(size.needed), f"{deaths} deaths"), enough])
    caption = (
        f"Patients that a regression takes, by Riley's criteria (effects shrink by 10 % at most, optimism of "
        f"Nagelkerke's R² at most 0.05, overall risk to within 0.05), at {percent(prevalence, 1)} deaths and the AUC "
        f"of the health-record trees here ({number(found.area.value)}; Cox-Snell R² {number(found.r2)}). Here are "
        f"{found.area.counts_text}"
    )
    note = "Trees and networks need more than a regression: these numbers are lower bounds."
    columns = ["Variables", "#Parameters", "#Patients needed", "Enough"]
    return Table("development-size", caption, columns, rows, note=note)


def _evaluation_table(numbers: Numbers, precise: list[Precision]) -> Table:
    rows: list[Row] = []
    for one in precise:
        enough = Cell("yes", style="pass") if one.width <= one.target else Cell("no", style="warn")
        needed = NOTHING if one.needed is None else count(one.needed)
        rows.append([one.figure.capitalize(), number(one.width, 2), number(one.target, 2), needed, enough])
    best = numbers.best() or ""
    caption = (
        f"Width of the 95 % intervals of {model_words(best).label}, recalibrated, that is expected of "
        f"{counted(numbers.auc(best).n, 'patient')}, and the patients that a usual width takes (Riley et al. 2021)"
    )
    columns = ["Figure", "#Width here", "#Usual width", "#Patients needed", "Enough"]
    return Table("evaluation-size", caption, columns, rows)


REPORT_SECTION = ReportSection(place=45, build=lambda inputs: sample_size(inputs.numbers, inputs.scores))
