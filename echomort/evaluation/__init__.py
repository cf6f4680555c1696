"""How good a score is, and how sure one can be.

SciPy, scikit-learn and statsmodels are loaded by the functions that need them, so that importing this package is cheap.
"""

from echomort.evaluation.agreement import PairedTest, cochran_q, holm, mcnemar
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
    recalibrated,
    smoothed,
)
from echomort.evaluation.discrimination import (
    DeLongTest,
    auc,
    delong_interval,
    delong_test,
    roc_points,
)
from echomort.evaluation.interval import Interval
from echomort.evaluation.metrics.discrimination import permuted_null
from echomort.evaluation.resampling import (
    Resampling,
    WeightedAuc,
    WeightedAveragePrecision,
    clustered_bootstrap,
    difference,
    recovered,
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
    "delong_test",
    "difference",
    "evaluate",
    "expected_calibration_error",
    "hazard_ratio",
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
    "permuted_null",
    "proportion",
    "recalibrated",
    "recovered",
    "roc_points",
    "smoothed",
    "weighted_mean",
]
