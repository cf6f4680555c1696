"""The reporting checklist (after TRIPOD+AI, MI-CLAIM and CLAIM): every item has an answer, at least "not done".

The wording of the items is ours. A report with an unanswered item is not written.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from echomort.core.errors import UserError
from echomort.report.blocks import Cell, Row, Section, Table
from echomort.report.data import ReportData
from echomort.report.numbers import Numbers
from echomort.report.sections import Answer, ReportSection, provenance
from echomort.report.sections.patients import outcome_terms
from echomort.report.sections.results import headline
from echomort.report.sections.variables import imputation_words, missing_shares
from echomort.report.words import count, counted, number, percent, span
from echomort.vocabulary.metric_table import NULL, RECALIBRATED

NOT_DONE = "Not done for this report"


@dataclass(frozen=True)
class Facts:
    """The data from which the items are answered."""

    data: ReportData
    numbers: Numbers

    @property
    def settings(self) -> Mapping[str, Any]:
        """Setting keys to values."""
        return self.data.setting_values

    @property
    def best(self) -> str:
        """The main model of the report."""
        return self.numbers.best() or ""


@dataclass(frozen=True)
class Item:
    """One item: its key in the JSON twin, what it asks for, the section with the details, and its answer."""

    key: str
    asks: str
    section: str
    answer: Callable[[Facts], str]


def _data_sources(facts: Facts) -> str:
    return facts.data.stamp and f"{facts.data.stamp}. Dates are shifted by patient, so the report gives none."


def _flow(facts: Facts) -> str:
    frame = facts.data.attrition
    return f"{counted(len(frame), 'step')} of inclusion and exclusion, each with its count." if len(frame) else ""


def _outcome(facts: Facts) -> str:
    return " ".join(text for _, text in outcome_terms(facts.settings)[:3]) if facts.data.settings else ""


def _predictors(facts: Facts) -> str:
    shares = missing_shares(facts.data.missingness)
    shape = provenance.clip_format(facts.data)
    variables = f" Health records: {counted(len(shares), 'variable')}, missing shares reported." if shares else ""
    return f"Pixels of each view's loops ({shape or 'shape not recorded'}), without burnt-in text.{variables}"


def _size(facts: Facts) -> str:
    cohort = facts.data.cohort
    if not len(cohort):
        return ""
    deaths = int(cohort["label"].sum())
    return (
        f"{counted(len(cohort), 'study', 'studies')} with {counted(deaths, 'death')}; by role and fold in the tables."
    )


def _missing(facts: Facts) -> str:
    return f"{imputation_words(facts.data)} Trees take missing values as they are."


def _split(facts: Facts) -> str:
    folds = facts.settings.get("cohort.folds")
    return (
        f"By patient, keyed hash, {counted(folds, 'fold')}; a blocking check asserts no patient in two parts."
        if folds
        else ""
    )


def _preprocessing(facts: Facts) -> str:
    return provenance.clip_format(facts.data) and f"{provenance.clip_format(facts.data)}, grey, cut to the sector."


def _architecture(facts: Facts) -> str:
    keys = ("network", "optimizer", "learning_rate", "batch", "max_epochs", "stopping", "seed")
    known = [
        f"{key.replace('_', ' ')} {facts.settings[f'training.{key}']}"
        for key in keys
        if f"training.{key}" in facts.settings
    ]
    return ", ".join(known)


def _discrimination(facts: Facts) -> str:
    area = facts.numbers.auc(facts.best)
    return f"{headline(facts.numbers)} AUC {number(area.value)} ({span(area.low, area.high)}), {area.counts_text}."


def _calibration(facts: Facts) -> str:
    before, after = (
        facts.numbers.get(facts.best, "calibration_slope"),
        facts.numbers.get(facts.best, "calibration_slope", evaluation=RECALIBRATED),
    )
    return (
        f"Slope {number(before.value, 2)} as scored, {number(after.value, 2)} recalibrated."
        if before.is_known
        else NOT_DONE
    )


def _thresholds(facts: Facts) -> str:
    found, spared = (facts.numbers.get(facts.best, name) for name in ("sensitivity", "specificity"))
    if not found.is_known:
        return NOT_DONE
    return f"{found.method}: sensitivity {percent(found.value)}, specificity {percent(spared.value)}."


def _net_benefit(facts: Facts) -> str:
    return "Decision curves from 1 to 50 %, against acting on all and on none." if len(facts.data.scores) else NOT_DONE


def _survival(facts: Facts) -> str:
    ratio = facts.numbers.get(facts.best, "hazard_ratio")
    if not ratio.is_known:
        return NOT_DONE
    figure = f"{number(ratio.value, 2)} ({span(ratio.low, ratio.high, 2)})"
    return f"Hazard ratio of the predicted classes {figure}, with log-rank test."


def _comparators(facts: Facts) -> str:
    scores = [words.label for _, words in facts.numbers.estimable("score", "ehr")]
    pairs = facts.numbers.comparisons()
    return f"{', '.join(scores) or 'None'}; {counted(len(pairs), 'paired comparison')} (DeLong, Holm)."


def _subgroups(facts: Facts) -> str:
    groups = [subset for subset, _ in facts.numbers.subsets(facts.best) if "=" in subset]
    limit = facts.data.suppress_below_events
    return (
        f"{counted(len(groups), 'group')}; those with fewer than {limit} deaths or survivors suppressed."
        if groups
        else NOT_DONE
    )


def _sensitivity(facts: Facts) -> str:
    area = facts.numbers.get(facts.best, "ipcw_auc")
    return (
        f"One study a patient. Weighted for censoring: AUC {number(area.value)}."
        if area.is_known
        else "One study a patient."
    )


def _uncertainty(facts: Facts) -> str:
    methods = {facts.numbers.auc(model).method for model, _ in facts.numbers.estimable()} - {""}
    return f"{'; '.join(sorted(methods))}; bootstrap over patients for the rest." if methods else NOT_DONE


def _null(facts: Facts) -> str:
    for model, words in facts.numbers.models("null"):
        area = facts.numbers.get(model, "auc", evaluation=NULL)
        if area.is_known:
            return f"{words.label}: AUC {number(area.value)} ({span(area.low, area.high)})."
    return NOT_DONE


def _availability(_: Facts) -> str:
    return f"Code: Apache-2.0. {provenance.WEIGHTS}"


def _ethics(facts: Facts) -> str:
    if facts.data.synthetic:
        return "No human data: the archive is generated."
    return (
        "Keyed pseudonyms, shifted dates, no identifier in any output; the site documents lawful access and ethics "
        "approval."
    )


def _lineage(facts: Facts) -> str:
    return (
        f"{counted(len(facts.data.lineage), 'entry', 'entries')} on versions, inputs and code."
        if facts.data.lineage
        else ""
    )


def _fixed(text: str) -> Callable[[Facts], str]:
    return lambda _: text


ITEMS = (
    Item(
        "aim_and_use",
        "Title, aim, intended use, users, out of scope",
        "use",
        _fixed(f"{provenance.INTENDED_USE} {provenance.OUT_OF_SCOPE}"),
    ),
    Item("data_sources", "Data sources, period, sites", "result", _data_sources),
    Item("participant_flow", "Inclusion and exclusion with counts", "patients", _flow),
    Item("outcome", "Outcome, horizon, sources, blinding", "patients", _outcome),
    Item("predictors", "Predictors, units, window, missing share", "variables", _predictors),
    Item("sample_size", "Sample size and events", "patients", _size),
    Item("missing_data", "Missing-data method", "variables", _missing),
    Item("split", "Split and proof of no overlap", "patients", _split),
    Item("preprocessing", "Preprocessing, frame rate, size, views", "archive", _preprocessing),
    Item("model", "Architecture, hyper-parameters, seed, stopping", "settings", _architecture),
    Item("characteristics", "Characteristics by part and outcome", "patients", _size),
    Item("discrimination", "Discrimination with intervals", "discrimination", _discrimination),
    Item("calibration", "Calibration before and after recalibration", "calibration", _calibration),
    Item("thresholds", "Thresholds, how chosen, and what follows", "decisions", _thresholds),
    Item("net_benefit", "Net benefit", "decisions", _net_benefit),
    Item("survival", "Survival by predicted class", "discrimination", _survival),
    Item("comparators", "Comparators with paired tests", "discrimination", _comparators),
    Item("subgroups", "Subgroups and fairness", "subgroups", _subgroups),
    Item("sensitivity_analyses", "Sensitivity analyses", "result", _sensitivity),
    Item("negative_control", "Negative control: permuted outcomes", "result", _null),
    Item("explanation", "Explanation maps with sanity check", "use", _fixed(NOT_DONE)),
    Item("error_analysis", "Error analysis", "use", _fixed(NOT_DONE)),
    Item("external_validation", "External or temporal validation", "use", _fixed(NOT_DONE)),
    Item("uncertainty", "How intervals were made", "result", _uncertainty),
    Item("limits", "Limits, bias, drift", "use", _fixed(" ".join(provenance.LIMITS))),
    Item("availability", "Availability of code, data, weights", "use", _availability),
    Item("ethics", "Ethics and de-identification", "use", _ethics),
    Item("lineage", "Lineage", "lineage", _lineage),
)


def answers(facts: Facts) -> dict[str, Answer]:
    """Return key -> answer for every item.

    Raises :class:`UserError` that names the items that have no answer.
    """
    found = {item.key: item.answer(facts) for item in ITEMS}
    empty = [key for key, answer in found.items() if not answer]
    if empty:
        raise UserError(
            f"the report has no answer to {', '.join(empty)}",
            "materialize what is upstream of the report and run again",
        )
    return {item.key: Answer(item.asks, found[item.key], _status(found[item.key])) for item in ITEMS}


def _status(answer: str) -> Literal["reported", "not done"]:
    return "not done" if answer == NOT_DONE else "reported"


def checklist(answered: Mapping[str, Answer]) -> Section:
    """Return the checklist as a section."""
    done = sum(answer.status == "reported" for answer in answered.values())
    rows: list[Row] = [
        [
            answer.asks,
            Cell(answer.status, style="pass" if answer.status == "reported" else "warn"),
            Cell(answer.answer, style="muted"),
        ]
        for answer in answered.values()
    ]
    table = Table("checklist", "After TRIPOD+AI, MI-CLAIM and CLAIM", ["Item", "Status", "Answer"], rows, folded=True)
    lead = f"{count(done)} of {counted(len(answered), 'item')} reported; the others are marked as not done."
    return Section("checklist", "Reporting checklist", [table], lead)


REPORT_SECTION = ReportSection(place=130, build=lambda inputs: [checklist(inputs.answers)])
