"""Whether a stack ranks noise, and what its honesty costs: a simulation, in minutes, without any archive.

    python benchmarks/stacking.py --studies 600 --views 20 --seeds 20

Prints one table in Markdown, for docs/stacking.md. Each view is 20 columns, a ridge logistic regression is its model;
with signal, half of the views hold one column that is correlated with the log odds of death. Designs:

plain   the stack learns from plain out-of-fold scores (what most software does)
nested  the stack of a fold learns from models that left out this fold too (the product: echomort.models.cross_fit)
fresh   the product's served model on 20,000 studies that had no part in it: what the other two should find
"""

import argparse
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from echomort.evaluation import delong_interval
from echomort.models.cross_fit import CrossFit, folds_left_out
from echomort.models.fusion import fit_stack
from echomort.models.rows import LabelledRows, mean_fold_auc
from echomort.settings import Fusion

FOLDS = 5
COLUMNS = 20
"""Columns of a view."""
RIDGE = 100.0
"""Of the views' models: strong enough for 20 columns and some hundred deaths."""
SIGNALS = (0.0, 0.5)
"""Shift of the informative column of a view for each unit of the latent log odds."""

FRESH, FRESH_SEED = 20_000, 1_000_000
"""Studies that had no part in training, and the first of their seeds."""

Views = Mapping[str, np.ndarray]


def draw(seed: int, studies: int, views: int, signal: float) -> tuple[Views, LabelledRows]:
    """Return the columns of each view and the rows, about a quarter of them deaths, one study a patient."""
    random = np.random.default_rng(seed)
    latent = random.normal(size=studies)
    risk = 1 / (1 + np.exp(1.2 - latent)) if signal else np.full(studies, 0.25)
    labels = (random.random(studies) < risk).astype(int)
    drawn = {f"view_{number:02d}": random.normal(size=(studies, COLUMNS)) for number in range(views)}
    for name in list(drawn)[: views // 2]:
        drawn[name][:, 0] += signal * latent
    patients = [f"p{number}" for number in range(studies)]
    return drawn, LabelledRows.of(labels.tolist(), (random.permutation(studies) % FOLDS).tolist(), patients)


def fit(matrix: np.ndarray, rows: LabelledRows, *left_out: int) -> LogisticRegression:
    """Return a view's model, trained on the folds outside ``left_out``."""
    training = rows.training(*left_out)
    return LogisticRegression(C=1 / RIDGE).fit(matrix[training], rows.labels[training])


def scores(matrix: np.ndarray, rows: LabelledRows, *left_out: int) -> np.ndarray:
    """Return its logits (n,)."""
    return np.asarray(fit(matrix, rows, *left_out).decision_function(matrix))


def plain(matrix: np.ndarray, rows: LabelledRows) -> CrossFit:
    """Return out-of-fold scores as if they might be learnt from."""
    logits = np.zeros(len(matrix))
    for fold in range(FOLDS):
        logits[rows.folds == fold] = scores(matrix, rows, fold)[rows.folds == fold]
    own = np.arange(FOLDS) == rows.folds[:, None]
    return CrossFit(logits, np.where(own, np.nan, logits[:, None]))


def nested(matrix: np.ndarray, rows: LabelledRows) -> CrossFit:
    """Return the scores of the product."""
    left_out = folds_left_out(range(FOLDS))
    return CrossFit.of_models(rows.folds, {folds: scores(matrix, rows, *folds) for folds in left_out})


DESIGNS = {"plain": plain, "nested": nested}


def fresh(
    seed: int, drawn: Views, rows: LabelledRows, signal: float, settings: Fusion
) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and scores of new studies, by the stack and the views' models that the product would serve."""
    stack = fit_stack({view: nested(matrix, rows) for view, matrix in drawn.items()}, rows, settings).model
    new, new_rows = draw(FRESH_SEED + seed, FRESH, len(drawn), signal)
    columns = {}
    for view, matrix in drawn.items():
        models = [fit(matrix, rows, fold) for fold in range(FOLDS)]
        columns[view] = np.mean([model.decision_function(new[view]) for model in models], axis=0)
    return new_rows.labels, stack.score(pd.DataFrame(columns))


def measure(kind: str, studies: int, views: int, seeds: int) -> Iterator[dict[str, object]]:
    """Yield a row for each design and signal."""
    settings = Fusion(model=kind)  # type: ignore[arg-type]
    for signal in SIGNALS:
        found: dict[str, list[tuple[float, float, float, bool]]] = {design: [] for design in (*DESIGNS, "fresh")}
        for seed in range(seeds):
            drawn, rows = draw(seed, studies, views, signal)
            for design, cross_fit in DESIGNS.items():
                parts = {view: cross_fit(matrix, rows) for view, matrix in drawn.items()}
                stacked = fit_stack(parts, rows, settings).scores.logits
                found[design].append((mean_fold_auc(stacked, rows), *judged(rows.labels, stacked)))
            found["fresh"].append((np.nan, *judged(*fresh(seed, drawn, rows, signal, settings))))
        for design, values in found.items():
            yield {"stack": kind, "signal": f"{signal:g}", "design": design, **summary(np.array(values, dtype=float))}


def judged(labels: np.ndarray, logits: np.ndarray) -> tuple[float, float, bool]:
    """Return the AUC, the calibration slope and whether the AUC's 95 % interval holds 0.5."""
    interval = delong_interval(labels, logits)
    return interval.value, calibration_slope(labels, logits), interval.low <= 0.5 <= interval.high


def calibration_slope(labels: np.ndarray, logits: np.ndarray) -> float:
    """Return the slope of a logistic regression of ``labels`` on ``logits``."""
    return float(LogisticRegression(C=np.inf).fit(logits[:, None], labels).coef_[0, 0])


def summary(values: np.ndarray) -> dict[str, str]:
    """Return the cells of a row; ``values`` (seeds, 4)."""
    fold, pooled, slope, holds = values.T
    error = pooled.std(ddof=1) / np.sqrt(len(pooled))
    return {
        "mean fold AUC": "" if np.isnan(fold).all() else f"{fold.mean():.3f}",
        "pooled AUC": f"{pooled.mean():.3f} ± {error:.3f}",
        "calibration slope": f"{np.median(slope):.2f}",
        "95 % interval holds 0.5": f"{int(holds.sum())} of {len(holds)}",
    }


def main() -> None:
    """Simulate both kinds of stack and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=600)
    parser.add_argument("--views", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=20)
    options = parser.parse_args()
    rows = [
        row for kind in ("logistic", "xgboost") for row in measure(kind, options.studies, options.views, options.seeds)
    ]
    print(pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True))


if __name__ == "__main__":
    main()
