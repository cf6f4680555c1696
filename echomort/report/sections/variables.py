"""The section on the variables of the health record: missing values and importance."""

import numpy as np
import pandas as pd

from echomort.ehr.variable_sets import OFFERED, VARIABLES
from echomort.ehr.variables import METHOD, catalogue, names
from echomort.report.blocks import Picture, Section, Table, Words
from echomort.report.data import ReportData
from echomort.report.drawing import flows
from echomort.report.drawing.style import inline_svg
from echomort.report.numbers import Numbers
from echomort.report.sections import ReportSection
from echomort.report.words import (
    counted,
    model_words,
    number,
    percent,
    readable,
    span,
)
from echomort.vocabulary.baselines import FEW
from echomort.vocabulary.model_names import ModelName

MOST_IMPORTANT = 15
"""Variables in the table of importance. Chosen here: further ones hardly change the AUC."""


def variables(data: ReportData, numbers: Numbers) -> list[Section]:
    """Return the missing share of each variable, and its importance to the trees; nothing where missing values were not
    counted."""
    rows = missing_shares(data.missingness)
    if not rows:
        return []
    with_missing = [(name, share) for name, share in rows if share > 0]
    incomplete, complete = len(with_missing), len(rows) - len(with_missing)
    note = f"{counted(incomplete, 'variable')} with missing values; {counted(complete, 'other')} complete"
    alt = "Share missing: " + ", ".join(f"{name} {percent(share)}" for name, share in with_missing[: flows.MAX_BARS])
    shown = with_missing or rows
    title = "Missing values of the health records"
    most = f"The {flows.MAX_BARS} with most missing values. " if len(shown) > flows.MAX_BARS else ""
    caption = f"{most}{imputation_words(data)}"
    picture = Picture(inline_svg(flows.missing_values(shown, note), "fig-missing", alt), title, caption)
    table = Table(
        "missingness",
        "Every variable that has a value, without diagnosis groups",
        ["Variable", "#Missing"],
        [[name, percent(share, 1)] for name, share in rows],
        folded=True,
    )
    blocks = [picture, *_same_day(data), table, *_importance(numbers)]
    return [Section("variables", "The health-record variables", blocks, _known_words(data))]


SAME_DAY = {
    "SAME_DAY_WITHOUT_TIME": "were left out, because nobody knows whether they precede it",
    "SAME_DAY_TAKEN_AS_BEFORE": "were used as if they preceded it (features.same_day: before), which nobody knows",
}
"""Reason of table feature_refusal -> what became of records of the echo's own day without a time."""


def _same_day(data: ReportData) -> list[Words]:
    """Return how many records of the echo's own day were left out, or used, because they or the echo have no time."""
    counts = dict(zip(data.refusals["reason"], data.refusals["count"], strict=True))
    texts = [
        f"{counted(counts[reason], 'value or code', 'values and codes')} of an echo's own day, where the record or the "
        f"echo has a date only, {what} (counted once for each study and variable)."
        for reason, what in SAME_DAY.items()
        if counts.get(reason)
    ]
    return [Words(texts)] if texts else []


def given(model: str, data: ReportData) -> str:
    """Return the inputs of ``model`` in words; of a view, also its network; of the health record, also how many of its
    variables have a value."""
    name, words = ModelName.parse(model), model_words(model)
    network = data.setting_values.get("training.network")
    if name.kind == "view" and network:
        return f"{words.sees}, by network {network}"
    inputs = _inputs(name, data)
    if not inputs or data.variables.empty:
        return words.sees
    if name.variables in FEW and inputs <= _with_value(data):
        return words.sees
    sees = f"the {len(inputs)} health-record variables" if name.kind == "ehr" else words.sees
    own = " and the site's own" if name.kind == "baseline" and _takes_all(data) and _site_variables(data) else ""
    return f"{sees}, {len(_with_value(data) & inputs)} of which have a value here{own}"


def _inputs(name: ModelName, data: ReportData) -> set[str]:
    """Return the variables of a model of the health record; of a baseline without the site's own."""
    if name.kind == "ehr":
        sets = OFFERED.get(str(data.setting_values.get("tabular.variables")), METHOD)
        return set(data.variables["variable"] if _takes_all(data) else names(*sets))
    return set(VARIABLES.get(name.variables or "", ()))


def _takes_all(data: ReportData) -> bool:
    return data.setting_values.get("tabular.variables") == "catalogue"


def _site_variables(data: ReportData) -> set[str]:
    return set(data.variables["variable"]) - {variable.name for variable in catalogue()}


def _with_value(data: ReportData) -> set[str]:
    return set(data.variables.loc[data.variables["studies"] > 0, "variable"])


def _known_words(data: ReportData) -> str:
    """Return how many of the method's variables have any value, in a sentence; nothing where they were not counted."""
    if data.variables.empty:
        return ""
    whole, echo, clinical = (
        f"{len(_with_value(data) & set(VARIABLES[part]))} of {len(VARIABLES[part])}"
        for part in ("all", "echo", "clinical")
    )
    return (
        f"Of the method's variables {whole} have a value in any study here: {echo} of the echo, {clinical} clinical. "
        "A diagnosis group counts where somebody has it on record."
    )


def imputation_words(data: ReportData) -> str:
    """Return on which patients imputation is fitted, in a sentence."""
    if data.setting_values.get("tabular.imputation_scope") == "global":
        return "Imputation is fitted on all patients, those evaluated included, as in the method."
    return "Imputation is fitted on training patients only, never on those evaluated."


def _importance(numbers: Numbers) -> list[Table]:
    labels = {variable.name: variable.label for variable in catalogue()}
    found = sorted(numbers.importance(), key=lambda pair: -pair[1].value)[:MOST_IMPORTANT]
    rows = [[labels.get(name, readable(name)), number(fall.value), span(fall.low, fall.high)] for name, fall in found]
    caption = f"The {MOST_IMPORTANT} most important variables of the health-record trees"
    note = "The fall of the AUC when a variable is shuffled among the patients of a fold whom the trees had not seen."
    columns = ["Variable", "#Fall of the AUC", "#One standard deviation"]
    return [Table("importance", caption, columns, rows, folded=True, note=note)] if rows else []


def missing_shares(frame: pd.DataFrame) -> list[tuple[str, float]]:
    """Return (label of the variable, share missing 0 to 1), largest share first."""
    if not len(frame):
        return []
    share = frame["missing"].astype(float)
    if "present" in frame.columns:
        share = share / (share + frame["present"].astype(float)).where(lambda total: total > 0)
    labels = {variable.name: variable.label for variable in catalogue()}
    label = [labels.get(name, readable(name)) for name in frame["variable"]]
    pairs = [(str(name), float(value)) for name, value in zip(label, share, strict=True) if np.isfinite(value)]
    return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))


REPORT_SECTION = ReportSection(place=50, build=lambda inputs: variables(inputs.data, inputs.numbers))
