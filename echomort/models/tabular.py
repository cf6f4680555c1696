"""Gradient-boosted trees on the health-record features, in nested cross-validation."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import xgboost as xgb
from threadpoolctl import threadpool_limits

from echomort.core.errors import UserError
from echomort.core.files import atomic_folder
from echomort.core.verified import read_card, read_verified
from echomort.ehr.catalogue import Catalogue, shipped_catalogue
from echomort.ehr.variable_sets import OFFERED
from echomort.ehr.variables import Variable
from echomort.ehr.variables import catalogue as shipped_variables
from echomort.models.coding import coded, coded_from
from echomort.models.cross_fit import CrossFit, LeftOut, folds_left_out
from echomort.models.outliers import OutlierRule, tested_columns
from echomort.models.rows import HELD_OUT, LabelledRows, mean_fold_auc, split_patients
from echomort.settings import Tabular

SEX = {"F": 0.0, "M": 1.0}
"""Code of the feature ``sex`` -> its number in the matrix."""
VALIDATION_FRACTION = 0.2
"""Share of the training patients on whom early stopping chooses the number of trees. Chosen here, as is usual."""


@dataclass(frozen=True)
class FoldModel:
    """The booster of one fold, and the limits of its training rows beyond which a value counts as missing."""

    booster: xgb.Booster
    outliers: OutlierRule

    def logits(self, matrix: np.ndarray, features: tuple[str, ...]) -> np.ndarray:
        """Return the logits, float64 (n,), of ``matrix``, one column for each of ``features`` (:func:`encode`)."""
        return predict_logits(self.booster, coded(self.outliers.without_outliers(matrix), features))


@dataclass(frozen=True)
class TabularModel:
    """One model a fold, over the variables ``features`` in this order."""

    features: tuple[str, ...]
    folds: dict[int, FoldModel]

    def score(self, features: pd.DataFrame) -> np.ndarray:
        """Return one logit a row, float64 (n,): the mean over the folds' models. An absent column counts as missing
        values."""
        return np.asarray(np.mean(self.score_by_fold(features), axis=0))

    def score_by_fold(self, features: pd.DataFrame) -> np.ndarray:
        """Return the logits, float64 (folds, n), by the model of each fold; ``features`` as in :meth:`score`."""
        matrix = encode(features.reindex(columns=list(self.features)))
        return np.stack([fold.logits(matrix, self.features) for fold in self.folds.values()])

    def save(self, folder: Path) -> None:
        """Write ``folder`` atomically: fold_<k>.json (XGBoost's format) and model.json with their SHA-256."""
        with atomic_folder(folder) as whole:
            weights = {}
            for number, fold in self.folds.items():
                content = bytes(fold.booster.save_raw("json"))
                (whole / f"fold_{number}.json").write_bytes(content)
                sha256 = hashlib.sha256(content).hexdigest()
                limits = _finite_limits(fold.outliers, self.features)
                weights[str(number)] = {"file": f"fold_{number}.json", "sha256": sha256, "limits": limits}
            card = {"model": "xgboost", "features": self.features, "units": _units(self.features), "weights": weights}
            (whole / "model.json").write_text(json.dumps(card, indent=1) + "\n")

    @classmethod
    def load(cls, folder: Path) -> "TabularModel":
        """Read what :meth:`save` wrote, verifying the SHA-256 of each file and that the variables still have the units
        that the trees learnt; raises :class:`UserError`."""
        card = read_card(folder, ("features", "weights"))
        features = tuple(card["features"])
        _require_units(card.get("units", {}), features)
        folds = {
            int(number): FoldModel(
                load_booster(read_verified(folder, entry["file"], entry["sha256"])),
                _outlier_rule(entry.get("limits", {}), features),
            )
            for number, entry in card["weights"].items()
        }
        return cls(features, folds)


@dataclass(frozen=True)
class TabularResult:
    """Scores in the order of the rows, and the models."""

    scores: CrossFit
    model: TabularModel


def input_variables(settings: Tabular, catalogue: Catalogue | None = None) -> tuple[str, ...]:
    """Return the variables of ``catalogue`` (default: the shipped one) that the trees use, in its order."""
    if settings.variables == "catalogue":
        return (catalogue or shipped_catalogue()).names()
    return shipped_catalogue().names(*OFFERED[settings.variables])


def fit_nested(
    matrix: np.ndarray,
    columns: tuple[str, ...],
    rows: LabelledRows,
    settings: Tabular,
    site_variables: Sequence[Variable] = (),
) -> TabularResult:
    """Fit one booster for each fold and each pair of folds left out, and score every row by those that left it out.

    ``matrix`` is float32 (n, columns), one row a study, as :func:`encode` returns it; outliers by the limits of the
    training rows are missing to the trees, and grades of valves are one column a level. ``site_variables`` are the
    site's own among the columns. The number of trees is chosen by log-loss on a part (``VALIDATION_FRACTION``) of the
    training patients. The boosters without one fold are the model; those of the pairs give the scores from which others
    learn, and are not kept.
    """
    models = fit_models(matrix, columns, rows, settings, folds_left_out(rows.trained_folds), site_variables)
    with threadpool_limits(1):
        logits = {left_out: model.logits(matrix, columns) for left_out, model in models.items()}
    model = TabularModel(columns, {fold: models[fold,] for fold in rows.trained_folds})
    return TabularResult(CrossFit.of_models(rows.folds, logits), model)


def fit_models(  # noqa: PLR0913, PLR0917 - as fit_nested, with what is left out
    matrix: np.ndarray,
    columns: tuple[str, ...],
    rows: LabelledRows,
    settings: Tabular,
    left_outs: Iterable[LeftOut],
    site_variables: Sequence[Variable] = (),
) -> dict[LeftOut, FoldModel]:
    """Return one booster for each of ``left_outs``, the folds that it leaves out; the rest as :func:`fit_nested`."""
    tested = tested_columns(columns, settings, site_variables)
    models: dict[LeftOut, FoldModel] = {}
    with threadpool_limits(1):  # a second thread does not pay on a table this small
        for left_out in left_outs:
            outliers = OutlierRule.fit(matrix[rows.training(*left_out)], tested)
            clean = coded(outliers.without_outliers(matrix), columns)
            models[left_out] = FoldModel(_fit(clean, rows, left_out, settings), outliers)
    return models


def out_of_fold(model: TabularModel, matrix: np.ndarray, rows: LabelledRows) -> np.ndarray:
    """Return the logits, float64 (n,): of rows of fold k by model k, of held-out rows the mean over all models."""
    scores = np.zeros(len(matrix))
    for number, fold in model.folds.items():
        inside, held_out = rows.folds == number, rows.folds == HELD_OUT
        scores[inside] = fold.logits(matrix[inside], model.features)
        scores[held_out] += fold.logits(matrix[held_out], model.features) / len(model.folds)
    return scores


def encode(features: pd.DataFrame) -> np.ndarray:
    """Return ``features`` as float32 (n, columns), NaN where missing; sex becomes 0 (F) or 1 (M)."""
    columns = []
    for name in features.columns:
        column = features[name]
        if name == "sex":
            column = column.map(lambda value: SEX.get(value, np.nan) if isinstance(value, str) else value)
        try:
            columns.append(pd.to_numeric(column).to_numpy(dtype=np.float32, na_value=np.nan))
        except (ValueError, TypeError):
            raise UserError(f"the feature {name} is not a number", "encode it in the feature table") from None
    return np.column_stack(columns) if columns else np.empty((len(features), 0), np.float32)


def predict_logits(booster: xgb.Booster, matrix: np.ndarray) -> np.ndarray:
    """Return the logits, float64 (n,), of the trees up to the best round."""
    if len(matrix) == 0:
        return np.empty(0)
    return booster.inplace_predict(matrix, predict_type="margin").astype(np.float64)


def load_booster(content: bytes) -> xgb.Booster:
    """Return the booster of an XGBoost JSON file, or raise :class:`UserError`."""
    booster = xgb.Booster()
    try:
        booster.load_model(bytearray(content))
        booster.set_param({"nthread": 1})
    except xgb.core.XGBoostError:
        raise UserError("a tree file is not one that XGBoost wrote", "train the model again") from None
    return booster


def permutation_importance(
    model: TabularModel, features: pd.DataFrame, rows: LabelledRows, repeats: int = 5, seed: int = 1
) -> pd.DataFrame:
    """Return, per feature, by how much the mean fold AUC falls when its values are shuffled within each fold.

    Columns: feature, drop (mean over ``repeats``), spread (standard deviation); largest drop first. Out-of-fold rows
    only, each scored by the model that never saw it.
    """
    generator = np.random.default_rng(seed)
    matrix = encode(features.reindex(columns=list(model.features)))
    base = mean_fold_auc(out_of_fold(model, matrix, rows), rows)
    drops = np.zeros((len(model.features), repeats))
    for index in _split_on(model):  # shuffling a column that no tree uses changes nothing
        for repeat in range(repeats):
            shuffled = matrix.copy()
            for fold in rows.trained_folds:
                inside = np.flatnonzero(rows.folds == fold)
                shuffled[inside, index] = matrix[generator.permutation(inside), index]
            drops[index, repeat] = base - mean_fold_auc(out_of_fold(model, shuffled, rows), rows)
    table = pd.DataFrame({"feature": model.features, "drop": drops.mean(1), "spread": drops.std(1)})
    return table.sort_values("drop", ascending=False, ignore_index=True)


def _split_on(model: TabularModel) -> list[int]:
    """Return the variables, by their place in ``features``, that any tree of any fold splits on."""
    made_from = coded_from(model.features)
    used = {name for fold in model.folds.values() for name in fold.booster.get_score()}
    return sorted({model.features.index(made_from[int(name.removeprefix("f"))]) for name in used})


def _fit(matrix: np.ndarray, rows: LabelledRows, left_out: LeftOut, settings: Tabular) -> xgb.Booster:
    training = rows.training(*left_out)
    labels, patients = rows.labels[training], rows.patients[training]
    inside = split_patients(labels, patients, VALIDATION_FRACTION, (settings.seed, *left_out))
    data = xgb.QuantileDMatrix(matrix[training][~inside], labels[~inside], nthread=1)
    validation = xgb.QuantileDMatrix(matrix[training][inside], labels[inside], ref=data, nthread=1)
    booster = xgb.train(
        {
            "objective": "binary:logistic",
            "max_depth": settings.depth,
            "learning_rate": settings.learning_rate,
            "subsample": 0.8,
            "colsample_bytree": 0.8,
            "min_child_weight": settings.min_child_weight,
            "seed": settings.seed,
            "nthread": 1,
        },
        data,
        settings.rounds,
        evals=[(validation, "validation")],
        early_stopping_rounds=settings.early_stopping,
        verbose_eval=False,
    )
    best = booster[: booster.best_iteration + 1]
    best.set_param({"nthread": 1})  # a slice does not keep the parameter
    return best


def _units(features: tuple[str, ...]) -> dict[str, str]:
    """Return variable -> unit, of the shipped ones among ``features``; with the levels of a grade."""
    known = {variable.name: variable for variable in shipped_variables()}
    return {name: " ".join([known[name].unit, *map(str, known[name].levels)]) for name in features if name in known}


def _require_units(saved: dict[str, str], features: tuple[str, ...]) -> None:
    """Raise :class:`UserError` for trees that learnt a variable in another unit, or in one that nobody wrote down."""
    changed = [name for name, unit in _units(features).items() if saved.get(name) != unit]
    if changed:
        problem = f"the trees learnt {changed[0]} in another unit than this release has ({len(changed)} such variables)"
        raise UserError(problem, "train again; the release before this one reads the model as it is")


def _finite_limits(rule: OutlierRule, features: tuple[str, ...]) -> dict[str, list[float]]:
    limits = zip(features, rule.low.tolist(), rule.high.tolist(), strict=True)
    return {name: [low, high] for name, low, high in limits if np.isfinite(low)}


def _outlier_rule(limits: dict[str, list[float]], features: tuple[str, ...]) -> OutlierRule:
    low, high = np.array([limits.get(name, (-np.inf, np.inf)) for name in features]).reshape(-1, 2).T
    return OutlierRule(low, high)
