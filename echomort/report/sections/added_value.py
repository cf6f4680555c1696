"""The section on what the models add to age and sex."""

from collections.abc import Sequence

from echomort.evaluation.metric import Metric
from echomort.evaluation.metrics.added_value import IPA_DIFFERENCE, NET_BENEFIT_DIFFERENCE, REFERENCES
from echomort.evaluation.metrics.benefit import THRESHOLDS, threshold_subset
from echomort.evaluation.metrics.comparisons import AUC_DIFFERENCE, AUC_DIFFERENCE_WITHIN, DELONG_P_HOLM, holm_family
from echomort.report.blocks import Cell, Row, Section, Table, Words
from echomort.report.differences import auc_difference, difference
from echomort.report.numbers import Figure, Numbers
from echomort.report.sections import ReportSection
from echomort.report.words import NOTHING, count, counted, model_words, p_value, percent, signed, span
from echomort.vocabulary.metric_table import COMPARISON, WHOLE
from echomort.vocabulary.model_names import BEST_FIRST

Pair = tuple[str, str]


def added_value(numbers: Numbers) -> list[Section]:
    """Return the differences in AUC, IPA and net benefit from age and sex, and from these with LVEF; none without these
    baselines."""
    pairs = [(model, other) for other in REFERENCES for model in BEST_FIRST if auc_difference(numbers, model, other)]
    if not pairs:
        return []
    sentences = [_sentence(numbers, pair) for pair in pairs if pair[0] == numbers.best()]
    words = [Words(sentences, listed=True)] if sentences else []
    blocks = [*words, _table(numbers, pairs), _benefit_table(numbers, pairs)]
    lead = (
        "Age and sex are known without an echo, and most echo reports have an ejection fraction (LVEF). What each "
        "model adds to a logistic regression on these, with the same folds and on the same patients."
    )
    return [Section("added-value", "Added value over age and sex", blocks, lead)]


def _sentence(numbers: Numbers, pair: Pair) -> str:
    """Return the differences of one model from one baseline in words."""
    name, other = model_words(pair[0]).label, model_words(pair[1]).sees
    area, ipa = auc_difference(numbers, *pair), difference(numbers, *pair, IPA_DIFFERENCE.name)
    found = [f"{what} {gap.words}" for what, gap in (("AUC", area), ("IPA", ipa)) if gap]
    return f"{name} over {other}: {'; '.join([*found, *_benefit_words(numbers, pair)])}."


def _benefit_words(numbers: Numbers, pair: Pair) -> list[str]:
    """Return at which thresholds the net benefit is higher, lower, or not clearly different."""
    by_direction: dict[str, list[str]] = {}
    for threshold in THRESHOLDS:
        if gap := difference(numbers, *pair, NET_BENEFIT_DIFFERENCE.name, threshold_subset(threshold)):
            by_direction.setdefault(gap.direction, []).append(percent(threshold))
    found = [f"{direction} at {' and '.join(thresholds)}" for direction, thresholds in by_direction.items()]
    return [f"net benefit, by threshold, {', '.join(found)}"] if found else []


def _table(numbers: Numbers, pairs: Sequence[Pair]) -> Table:
    rows = [[_name(pair), *_area_cells(numbers, pair), _cell(_found(numbers, pair, IPA_DIFFERENCE))] for pair in pairs]
    caption = (
        f"Differences with {numbers.level} intervals: of the AUC DeLong's, with p after Holm's correction over "
        f"{_family(numbers, pairs)}, all folds pooled; within folds, untested; of the IPA by bootstrap over patients. "
        "IPA: the share of the Brier score of one risk for all that a model saves, with the risks of both models "
        "recalibrated on the other folds"
    )
    columns = ["Model", "#AUC", "#p, Holm", "#AUC within folds", "#IPA", "#Patients", "#Deaths"]
    counts = [_counts(_found(numbers, pair, AUC_DIFFERENCE)) for pair in pairs]
    return Table("added-value", caption, columns, [[*row, *tail] for row, tail in zip(rows, counts, strict=True)])


def _benefit_table(numbers: Numbers, pairs: Sequence[Pair]) -> Table:
    subsets = list(map(threshold_subset, THRESHOLDS))
    rows: list[Row] = [
        [_name(pair), *(_cell(_found(numbers, pair, NET_BENEFIT_DIFFERENCE, subset)) for subset in subsets)]
        for pair in pairs
    ]
    caption = (
        "Differences of the net benefit per patient, by the threshold from which one acts on the recalibrated risk, "
        f"with {numbers.level} intervals by bootstrap over patients"
    )
    return Table("added-benefit", caption, ["Model", *(f"#At {percent(one)}" for one in THRESHOLDS)], rows)


def _name(pair: Pair) -> Cell:
    first, second = map(model_words, pair)
    return Cell(first.label, f"over {second.sees}", f"key-{first.kind}")


def _area_cells(numbers: Numbers, pair: Pair) -> list[Cell]:
    corrected = _found(numbers, pair, DELONG_P_HOLM)
    pooled, within = (_found(numbers, pair, metric) for metric in (AUC_DIFFERENCE, AUC_DIFFERENCE_WITHIN))
    return [_cell(pooled), Cell(p_value(corrected.value)), Cell(signed(within.value))]


def _found(numbers: Numbers, pair: Pair, metric: Metric, subset: str = WHOLE) -> Figure:
    return numbers.get(" vs ".join(pair), metric.name, subset, COMPARISON)


def _cell(figure: Figure) -> Cell:
    return Cell(signed(figure.value) if figure.is_known else NOTHING, span(figure.low, figure.high), "strong")


def _counts(figure: Figure) -> list[Cell | str]:
    return [count(figure.n), count(figure.events)]


def _family(numbers: Numbers, pairs: Sequence[Pair]) -> str:
    method = _found(numbers, pairs[0], DELONG_P_HOLM).method
    family, tests = holm_family(method)
    return f"{counted(tests, 'test')} ({family})"


REPORT_SECTION = ReportSection(place=85, build=lambda inputs: added_value(inputs.numbers))
