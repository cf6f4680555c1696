"""A project for a person in Python: its tables as data frames and its clips for PyTorch. Nothing is made or changed."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from echomort.core.errors import UserError
from echomort.evaluation.discrimination import DeLongTest, delong_test
from echomort.evaluation.too_few import has_too_few, no_result
from echomort.settings import CONFIG_NAME, load_settings
from echomort.vocabulary.roles import DEVELOPMENT, ROLES
from warehouse.connection import connect
from warehouse.queries import run

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

    from echomort.dataset import Clips

Split = Literal["train", "test"]
REPORT = Path("report") / "report.html"
FIGURES = "auc_a", "auc_b", "difference", "low", "high", "z", "p_value"
"""The fields of a test that are no counts."""


class Project:
    """The project in the folder ``home``, which ``echomort run`` made.

    Every table is read when it is asked for, by a connection that is closed at once, so that a run may go on beside it.
    Patients and studies go by their pseudonyms; the staged tables hold dates. Raises :class:`UserError` where ``home``
    holds no project.
    """

    def __init__(self, home: Path | str) -> None:
        self.home = Path(home).absolute()
        if not (self.home / "warehouse.duckdb").is_file():
            raise UserError(f"there is no project at {self.home}", "make one with `echomort run --home FOLDER`")

    def __repr__(self) -> str:
        return f"Project({str(self.home)!r})"

    @property
    def report(self) -> Path:
        """The report, an HTML file. Raises :class:`UserError` where none was made."""
        if not (self.home / REPORT).is_file():
            raise UserError(f"{self.home} has no report", "make it with `echomort run`")
        return self.home / REPORT

    def status(self) -> pd.DataFrame:
        """Return one row an asset that was made: ``asset``, ``units``, ``changed`` (UTC), and of an asset that can
        leave something out how many rows, files or studies it ``accepted`` and ``left_out``.

        What is stale, and why, the graph alone knows: ``echomort status`` says it.
        """
        with self._reader() as connection:
            return run(connection, "reads/project/status.sql").df()

    def checks(self) -> pd.DataFrame:
        """Return one row a check on the data and the method: ``name``, ``passed``, ``found`` (why it failed, or of what
        it warns; empty where all is as it should be), ``changed`` (UTC)."""
        with self._reader() as connection:
            return run(connection, "reads/project/checks.sql").df()

    def cohort(self, role: str | None = None) -> pd.DataFrame:
        """Return one row a followed study of patients with ``role`` (None: all), in the form that
        :func:`echomort.evaluate` takes.

        Columns: study_key, patient_key, role (``development``, ``reader``, ``sealed``, ``later_years``,
        ``heart_failure``), fold, headline (the one study a patient that figures are about), followed_headline, label (1
        died within the horizon, 0 lived, null: censored), days, event. Raises :class:`UserError` for a role that is
        none.
        """
        if role not in (None, *ROLES):
            raise UserError(f"there is no role {role}", f"known: {', '.join(ROLES)}")
        with self._reader() as connection:
            found: pd.DataFrame = run(connection, "reads/project/cohort.sql", role=role).df()
        return found

    def features(self) -> pd.DataFrame:
        """Return one row a study: ``study_key`` and every variable of docs/variables.md, missing values as NaN."""
        return self.table("feature")

    def scores(self, model: str | None = None) -> pd.DataFrame:
        """Return the log odds that ``model`` (None: every model) gave: study_key, model, fold, view, logit.

        ``fold`` is the one that the scoring model was not trained on; -1 where it was trained on all of them, for
        studies of patients that are set apart; missing for models of ``sources.external_scores``.
        """
        with self._reader() as connection:
            return _only(run(connection, "reads/project/scores.sql").df(), "model", model)

    def predictions(self, model: str) -> pd.DataFrame:
        """Return the out-of-fold scores of ``model`` with the labels, one row a development patient.

        Columns: study_key (the headline study), patient_key, fold, label (1 died within the horizon, 0 lived), logit,
        risk (0 to 1, not recalibrated).

        A model of ``sources.external_scores`` is out of fold by its file's word. Raises :class:`UserError` where there
        is no such model.
        """
        found = self._predictions(model)
        if found.empty:
            raise UserError(f"{model} has scored no development patient", f"models with scores: {self._models()}")
        return found

    def metrics(self, metric: str | None = None) -> pd.DataFrame:
        """Return every figure of the report, or those of one ``metric`` such as ``auc``.

        Columns: evaluation, model, subset, metric, value, low, high, n, events, method, reason (why there is no value,
        for example too few deaths; empty where there is one), name (of the model, as the report prints it).
        """
        from echomort.evaluation.too_few import with_reasons
        from echomort.report.words import compared_words

        found = with_reasons(self.table("metric"), self._least())
        return _only(found.assign(name=found["model"].map(compared_words)), "metric", metric)

    def risks(self) -> pd.DataFrame:
        """Return the champion's risks: study_key, champion, model, clips, logit, risk (0 to 1), in_development, ``low``
        and ``high``, the smallest and the largest risk by the models of one fold alone, and ``beyond``, what of the
        study is beyond what the development cohort holds; its risk is missing where it is withheld."""
        return self.table("risk_score")

    def table(self, name: str) -> pd.DataFrame:
        """Return a whole table of the warehouse. Raises :class:`UserError` where there is none of that name."""
        with self._reader() as connection:
            names = sorted(row[0] for row in connection.execute("SHOW TABLES").fetchall())
            if name not in names:
                raise UserError(f"there is no table {name}", f"name one of {', '.join(names)}")
            found: pd.DataFrame = connection.table(name).df()
        return found

    def query(self, sql: str, **bind: Any) -> pd.DataFrame:
        """Return the rows of one SQL query, with values for its ``$names``; the warehouse is open for reading only."""
        with self._reader() as connection:
            return connection.execute(sql, bind or None).df()

    def clips(
        self,
        view: str | None = None,
        fold: int | None = None,
        split: Split | None = None,
        transform: Callable[..., Any] | None = None,
    ) -> Clips:
        """Return the labelled clips of development patients as a PyTorch dataset: (pixels, label).

        ``pixels`` is a uint8 tensor (frames, height, width), or what ``transform`` makes of it; the label is 1 for a
        death within the horizon, else 0. ``view`` selects by the view that models use. With ``fold``, ``split`` is
        ``train`` (the clips of all other folds) or ``test`` (those of the fold). Patients that are set apart are never
        among them. Raises :class:`UserError` for a view or fold without clips, and where only one of ``fold`` and
        ``split`` is given.
        """
        from echomort.dataset import Clips

        if (fold is None) != (split is None):
            raise UserError("fold and split go together", "give both, such as fold=0, split='train', or neither")
        with self._reader() as connection:
            rows = run(connection, "reads/project/clips.sql").df()
        rows = rows[(rows["role"] == DEVELOPMENT) & rows["fold"].notna()]
        rows = _named(rows, "view", view)
        if fold is not None:
            held_out = _named(rows, "fold", fold)
            rows = held_out if _checked(split) == "test" else rows.drop(held_out.index)
        targets = dict(zip(rows["clip_key"], rows["label"].astype(int), strict=True))
        return Clips(self.home, targets=targets, transform=transform)

    def compare(self, model: str, other: str) -> DeLongTest:
        """Return DeLong's paired test of the AUCs of two models, on the development patients that both scored.

        Its fields: auc_a, auc_b, difference, low, high (95 % interval), z, p_value, n, events, note. With fewer deaths
        or survivors than ``evaluation.suppress_below_events`` all but the counts are NaN, and the note says so. Raises
        :class:`UserError` where they have no study in common.
        """
        rows = self._predictions(model).merge(self._predictions(other)[["study_key", "logit"]], on="study_key")
        if rows.empty:
            raise UserError(
                f"{model} and {other} have scored no study in common", f"models with scores: {self._models()}"
            )
        least, test = self._least(), delong_test(rows["label"], rows["logit_x"], rows["logit_y"])
        if not has_too_few(test.n, test.events, least):
            return test
        unknown: dict[str, Any] = dict.fromkeys(FIGURES, math.nan)
        return replace(test, **unknown, note=no_result(least))

    def _predictions(self, model: str) -> pd.DataFrame:
        with self._reader() as connection:
            return run(connection, "reads/project/predictions.sql", model=model).df()

    def _least(self) -> int:
        own = self.home / CONFIG_NAME
        settings = load_settings(own if own.is_file() else None, {"home": str(self.home)}, environment={})
        return settings.evaluation.suppress_below_events

    def _models(self) -> str:
        return ", ".join(sorted(self.scores()["model"].unique()))

    def _reader(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        return connect(self.home / "warehouse.duckdb", read_only=True)


def _only(table: pd.DataFrame, column: str, value: str | None) -> pd.DataFrame:
    return table if value is None else _named(table, column, value).reset_index(drop=True)


def _named(table: pd.DataFrame, column: str, value: Any) -> pd.DataFrame:
    """Return the rows whose ``column`` is ``value`` (None: all). Raises :class:`UserError` where there are none."""
    if value is None:
        return table
    found: pd.DataFrame = table[table[column] == value]
    if found.empty:
        known = ", ".join(str(one) for one in sorted(table[column].dropna().unique()))
        raise UserError(f"there is no {column} {value}", f"known: {known}" if known else "there are none yet")
    return found


def _checked(split: Any) -> str:
    if split not in ("train", "test"):
        raise UserError(f"there is no split {split}", "known: train, test")
    return str(split)
