"""Metrics of a score, with their confidence intervals.

SciPy, scikit-learn and statsmodels are imported inside the functions that need them, to keep this package cheap to
import.
"""

from echomort.evaluation.benefit import (
    decision_curve,
    net_benefit,
    net_benefit_treat_all,
)
from echomort.evaluation.calibration import (
    Calibration,
    CalibrationCurve,
    brier,
    calibration_curve,
    calibration_figures,
    calibration_in_the_large,
    calibration_slope,
    expected_calibration_error,
    observed_expected,
    recalibrated_risks,
    smoothed_risks,
)
from echomort.evaluation.discrimination import (
    DeLongTest,
    auc,
    delong_interval,
    delong_interval_within,
    delong_test,
    roc_points,
)
from echomort.evaluation.interval import Interval
from echomort.evaluation.metrics.discrimination import permuted_null_rows
from echomort.evaluation.paired_tests import PairedTest, cochran_q, holm, mcnemar
from echomort.evaluation.resampling import (
    Resampling,
    WeightedAuc,
    WeightedAveragePrecision,
    clustered_bootstrap,
    difference,
    headroom_share,
    weighted_mean,
)
from echomort.evaluation.summary import evaluate
from echomort.evaluation.survival import (
    HazardRatio,
    LogRank,
    censoring_weights,
    hazard_ratio,
    ipcw_auc,
    ipcw_brier,
    kaplan_meier,
    log_rank,
)
from echomort.evaluation.thresholds import (
    Decisions,
    choose_threshold,
    decisions,
    out_of_fold_decisions,
    proportion,
)

__all__ = [
    "Calibration",
    "CalibrationCurve",
    "DeLongTest",
    "Decisions",
    "HazardRatio",
    "Interval",
    "LogRank",
    "PairedTest",
    "Resampling",
    "WeightedAuc",
    "WeightedAveragePrecision",
    "auc",
    "brier",
    "calibration_curve",
    "calibration_figures",
    "calibration_in_the_large",
    "calibration_slope",
    "censoring_weights",
    "choose_threshold",
    "clustered_bootstrap",
    "cochran_q",
    "decision_curve",
    "decisions",
    "delong_interval",
    "delong_interval_within",
    "delong_test",
    "difference",
    "evaluate",
    "expected_calibration_error",
    "hazard_ratio",
    "headroom_share",
    "holm",
    "ipcw_auc",
    "ipcw_brier",
    "kaplan_meier",
    "log_rank",
    "mcnemar",
    "net_benefit",
    "net_benefit_treat_all",
    "observed_expected",
    "out_of_fold_decisions",
    "permuted_null_rows",
    "proportion",
    "recalibrated_risks",
    "roc_points",
    "smoothed_risks",
    "weighted_mean",
]
