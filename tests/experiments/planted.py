"""Cells of experiments as the warehouse gives them, with figures that a test plants."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from echomort.experiments.results import COLUMNS

NAMES = ("figure2", "figure3", "table1", "figure5", "resolution", "flow", "inputs", "study")
VIEWS = ("apical_2", "apical_4", "parasternal_long")
NETWORKS = ("cnn_3d", "cnn_3d_gap", "cnn_2d_lstm", "cnn_2d_gap")
ARMS = ((None, None, "method"), ("parasternal_long", "cnn_3d", "none"), ("all_views", "early_fusion", "method"))
FIGURES = ("auc", "auc_low", "auc_high", "fold_low", "fold_high")


def cell(experiment: str, auc: float = 0.8, half: float = 0.05, **changed) -> dict:
    """One row of ``experiment_cell``: an AUC with the interval ``auc`` +/- ``half``, or a ``reason`` without one."""
    row = {
        **{"experiment": experiment, "view": "apical_4", "network": "cnn_3d", "picture": "clips", "variables": "none"},
        **{"horizon_days": 365, "most_patients": None, "evaluated": "folds"},
        **{"auc": auc, "auc_low": auc - half, "auc_high": auc + half, "fold_low": auc - 0.06, "fold_high": auc + 0.06},
        **{"patients": 350, "deaths": 97, "trained_patients": 280, "reason": None},
        **{"brier": None, "brier_of_none": None, "cpu_seconds": None},
    }
    row |= dict.fromkeys(FIGURES) if "reason" in changed else {}
    row |= changed
    kept = ("view", "network", "picture", "variables", "horizon_days", "most_patients")
    return {"cell": "-".join(str(row[name]) for name in kept)} | row


def frame(rows: Iterable[Mapping]) -> pd.DataFrame:
    """The rows as the warehouse's frame."""
    return pd.DataFrame(list(rows), columns=list(COLUMNS))


def by_horizon(network: str) -> list[dict]:
    """The cells of a model of all views at several horizons, with the error of its risks."""
    errors = {"brier": 0.1512, "brier_of_none": 0.2063, "cpu_seconds": 9.2}
    return [{"view": "all_views", "network": network, "horizon_days": days, **errors} for days in (30, 90, 365)]


def kinds(experiment: str, views: tuple[str, ...] = VIEWS) -> list[dict]:
    """What tells the cells of ``experiment`` apart."""
    table1 = [
        {"view": view, "variables": variables, "evaluated": "survey"}
        for view in (None, "parasternal_long", "all_views")
        for variables in ("none", "ten", "method")
    ]
    figure5 = [
        {
            "view": view,
            "network": network,
            "variables": variables,
            "most_patients": size,
            "trained_patients": size or 480,
        }
        for view, network, variables in ARMS
        for size in (10, 30, 100, None)
    ]
    crossed = {
        "figure2": ("network", NETWORKS),
        "figure3": ("horizon_days", (90, 180, 270, 365)),
        "resolution": ("picture", tuple(f"reduction_{factor}" for factor in (1, 2, 3, 4))),
        "flow": ("picture", ("clips", "clips+flow")),
        "inputs": ("picture", ("raw", "annotated")),
    }
    if experiment == "study":
        alone = [{"view": view} for view in views]
        joint = [{"view": "all_views", "network": name} for name in ("mean", "early_fusion")]
        return [*alone, *joint, *by_horizon("stack"), *by_horizon("study_model")]
    if experiment in crossed:
        name, values = crossed[experiment]
        return [{"view": view, name: value} for view in views for value in values]
    return table1 if experiment == "table1" else figure5


def cells(experiment: str, areas: Iterable[float] | float = 0.8, views: tuple[str, ...] = VIEWS) -> pd.DataFrame:
    """All cells of ``experiment`` with ``areas``, in the order of :func:`kinds`; one value: all alike."""
    made = kinds(experiment, views)
    planted = [areas] * len(made) if isinstance(areas, float) else list(areas)
    return frame(cell(experiment, area, **kind) for kind, area in zip(made, planted, strict=True))


def drawn(experiment: str, seed: int, half: float = 0.03) -> pd.DataFrame:
    """All cells of ``experiment`` with AUCs drawn at random."""
    rng = np.random.default_rng(seed)
    return frame(cell(experiment, round(float(rng.uniform(0.6, 0.9)), 3), half, **kind) for kind in kinds(experiment))
