"""The section on discrimination: ROC curves, survival, folds, paired comparisons, coverage."""

from collections.abc import Mapping

from echomort.evaluation.metric import Metric
from echomort.evaluation.metrics.added_value import REFERENCES
from echomort.evaluation.metrics.comparisons import (
    AUC_DIFFERENCE,
    AUC_DIFFERENCE_BOOTSTRAP,
    AUC_DIFFERENCE_WITHIN,
    DELONG_P,
    DELONG_P_HOLM,
    holm_family,
)
from echomort.evaluation.metrics.discrimination import AUC_FOLD_MEAN, AUC_WITHIN_FOLDS
from echomort.report.blocks import Cell, Picture, Row, Section, Table
from echomort.report.cells import metric_head
from echomort.report.drawing import figures
from echomort.report.drawing.style import inline_svg
from echomort.report.numbers import Figure, Numbers
from echomort.report.scores import ModelScores, recalibrated_curve, risk_curve, with_both_outcomes
from echomort.report.sections import ReportSection
from echomort.report.words import (
    INPUTS,
    NOTHING,
    compared_words,
    count,
    counted,
    model_words,
    number,
    p_value,
    percent,
    readable,
    signed,
    span,
)
from echomort.vocabulary.metric_table import COMPARISON

FOLDS_CAPTION = (
    "AUC in each fold, their mean and its t interval. Within folds: of all pairs of a death and a survivor of the same "
    "fold, the share in the right order, with DeLong's interval where a variance is known. One model scored both, so "
    "scales play no part: a model that knows nothing has 0.5, but for chance. Pooled: of all pairs, also those of two "
    "folds, whose models have different scales. A model that knows nothing can be far below 0.5 there: the fewer "
    "deaths a fold has, the more the others have, on which its model was trained. A clinical score has one scale."
)


def discrimination(numbers: Numbers, scores: Mapping[str, ModelScores]) -> Section:
    """Return ROC curves, survival by predicted class, distributions, folds, paired comparisons and coverage."""
    pictures = [*_roc(numbers, scores), *_survival(scores), *_distributions(scores)]
    tables = [_fold_table(numbers), *_comparison_table(numbers), *_coverage_table(numbers)]
    lead = "How well the scores separate patients who die within a year from those who survive."
    return Section("discrimination", "Discrimination", [*pictures, *tables], lead)


def _roc(numbers: Numbers, scores: Mapping[str, ModelScores]) -> list[Picture]:
    shown = with_both_outcomes(scores, "fusion", "video", "ehr", "oracle")[:5] or with_both_outcomes(scores, "view")[:4]
    if not shown:
        return []
    curves = [risk_curve(score, score.probabilities, number(numbers.auc(model).value)) for model, score in shown]
    alt = "ROC curves: " + ", ".join(f"{curve.label} AUC {curve.note}" for curve in curves)
    svg = inline_svg(figures.roc(curves, shown[0][1].counts_text), "fig-roc", alt)
    title = "Deaths found against false alarms, at every threshold"
    return [Picture(svg, title, "The diagonal is chance. Figures beside the names are AUCs.", half=True)]


def _survival(scores: Mapping[str, ModelScores]) -> list[Picture]:
    for _, score in with_both_outcomes(scores, "fusion", "video", "view", "ehr"):
        called = score.high_risk
        if called is None or score.days is None or score.event is None:
            continue
        text = f"Survival of patients whom {score.words.label} puts at high and at low risk, to the end of follow-up"
        svg = inline_svg(figures.survival(score.days, score.event.astype(bool), called), "fig-survival", text)
        caption = (
            "Kaplan-Meier with 95 % bands; thresholds by Youden's index on the other folds. Above: patients at risk at "
            "the days named there."
        )
        return [Picture(svg, text, caption, half=True)]
    return []


def _distributions(scores: Mapping[str, ModelScores]) -> list[Picture]:
    shown = with_both_outcomes(scores, "fusion", "video", "ehr") or with_both_outcomes(scores, "view")
    if not shown:
        return []
    curves = [recalibrated_curve(score) for _, score in shown]
    patients, deaths = shown[0][1].counts
    alt = "Distribution of predicted risks of those who died and those who lived, for " + ", ".join(
        curve.label for curve in curves
    )
    return [
        Picture(
            inline_svg(figures.score_distributions(curves), "fig-distributions", alt),
            "Predicted risks of patients who died and who lived",
            f"Each side is scaled to its own group: {counted(deaths, 'death')} up, "
            f"{counted(patients - deaths, 'survivor')} down. Risks are recalibrated on the other folds.",
        )
    ]


def _fold_table(numbers: Numbers) -> Table:
    models = numbers.estimable("view", "video", "ehr", "fusion", "baseline", "score", "encoder", "external")
    names = sorted({fold for model, _ in models for fold in numbers.folds(model)}, key=lambda name: (len(name), name))
    rows: list[Row] = []
    for model, words in models:
        folds = numbers.folds(model)
        mean, within = numbers.get(model, AUC_FOLD_MEAN.name), numbers.auc_within_folds(model)
        cells = [number(folds.get(name, Figure()).value) for name in names]
        rows.append(
            [
                Cell(words.label, style=f"key-{words.kind}"),
                *cells,
                Cell(number(mean.value), style="strong"),
                span(mean.low, mean.high) or NOTHING,
                Cell(number(within.value), style="strong"),
                span(within.low, within.high) or NOTHING,
                number(numbers.auc(model).value),
            ]
        )
    mean_heads = metric_head(AUC_FOLD_MEAN), f"#{numbers.level} (mean)"
    within_heads = metric_head(AUC_WITHIN_FOLDS), f"#{numbers.level} (within)"
    columns = ["AUC", *(f"#Fold {name}" for name in names), *mean_heads, *within_heads, "#Pooled"]
    return Table("folds", FOLDS_CAPTION, columns, rows)


def _comparison_table(numbers: Numbers) -> list[Table]:
    rows = [_comparison_row(numbers, pair) for pair in _pairs(numbers)]
    intervals = (f"#{numbers.level} (DeLong)", f"#{numbers.level} (bootstrap)")
    tests = metric_head(DELONG_P), metric_head(DELONG_P_HOLM)
    gaps = metric_head(AUC_DIFFERENCE), metric_head(AUC_DIFFERENCE_WITHIN)
    columns = ["AUC difference", gaps[0], *intervals, gaps[1], *tests, "#Patients"]
    caption = (
        "Paired, on the patients whom both models scored: DeLong's test, and a bootstrap over patients. "
        "Both are of pooled AUCs, in which the scales of the folds' models have a part; within folds they have none, "
        "but that difference is not tested. "
        f"Holm's correction: {'; '.join(_families(numbers))}. Comparisons with an oracle test no hypothesis."
    )
    return [Table("comparisons", caption, columns, rows)] if rows else []


def _pairs(numbers: Numbers) -> list[str]:
    """Return the comparisons, without those that are in the section on added value."""
    return [pair for pair in numbers.comparisons() if pair.partition(" vs ")[2] not in REFERENCES]


def _families(numbers: Numbers) -> list[str]:
    """Return the families of tests with the number of each."""
    methods = (numbers.get(pair, DELONG_P_HOLM.name, evaluation=COMPARISON).method for pair in _pairs(numbers))
    return [
        f"{family} ({counted(tests, 'test')})"
        for family, tests in dict.fromkeys(map(holm_family, filter(None, methods)))
    ]


def _comparison_row(numbers: Numbers, pair: str) -> Row:
    def found(metric: Metric) -> Figure:
        return numbers.get(pair, metric.name, evaluation=COMPARISON)

    gap, bootstrap, corrected = map(found, (AUC_DIFFERENCE, AUC_DIFFERENCE_BOOTSTRAP, DELONG_P_HOLM))
    return [
        compared_words(pair),
        Cell(signed(gap.value), style="strong"),
        span(gap.low, gap.high) or NOTHING,
        span(bootstrap.low, bootstrap.high) or NOTHING,
        signed(found(AUC_DIFFERENCE_WITHIN).value),
        p_value(found(DELONG_P).value),
        Cell(p_value(corrected.value), _of_family(corrected)),
        count(gap.n),
    ]


def _of_family(corrected: Figure) -> str:
    return f"of {holm_family(corrected.method)[1]}" if corrected.is_known else ""


def _coverage_table(numbers: Numbers) -> list[Table]:
    lost = numbers.not_computed()
    rows: list[Row] = [
        [
            Cell(model_words(model).label, style=f"key-{model_words(model).kind}"),
            "any reason" if reason == "all" else _reason_words(reason),
            count(round(figure.value * (figure.n or 0))),
            percent(figure.value),
            count(figure.n),
        ]
        for model, reason, figure in lost
    ]
    columns = ["Clinical score", "Not computed because", "#Patients", "#Share", "#Of"]
    caption = (
        "Patients for whom a clinical score could not be computed. The Seattle model and MAGGIC are for patients with "
        "heart failure. A patient with several missing inputs counts for each. Nothing is imputed."
    )
    return [Table("coverage", caption, columns, rows, folded=True)] if rows else []


def _reason_words(reason: str) -> str:
    kind, _, name = reason.partition(": ")
    return f"{INPUTS.get(name, readable(name).lower())} {kind}"


REPORT_SECTION = ReportSection(place=60, build=lambda inputs: [discrimination(inputs.numbers, inputs.scores)])
