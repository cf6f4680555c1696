"""The AUC of every model that the project trained, as the terminal shows it and the gate reads it."""

import duckdb
import pandas as pd

from echomort.vocabulary.model_names import Kind, ModelName
from warehouse.queries import run

ORDER: tuple[Kind, ...] = ("view", "video", "ehr", "fusion", "null", "oracle")
"""The kinds shown, in this order. Clinical scores, on the patients whom they cover, and baselines are in the report."""


def headline(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Return one row a trained model: model, value, low, high, n, events, and on a synthetic archive ``headroom``, the
    share of the oracle's that it recovers: of the oracle that knows the heart for the video models, of the one that
    knows everything for those that read health records."""
    rows = run(connection, "reads/evaluation/headline.sql").df()
    kinds = [ModelName.parse(str(model)).kind for model in rows["model"]]
    knows_all = pd.Series([kind in {"ehr", "fusion"} for kind in kinds], rows.index, dtype=bool)
    headroom = rows["headroom_heart"].where(~knows_all, rows["headroom_all"])
    headroom = headroom.mask(pd.Series([kind == "oracle" for kind in kinds], rows.index, dtype=bool))
    place = pd.Series([ORDER.index(kind) if kind in ORDER else -1 for kind in kinds], rows.index, dtype=int)
    shown = rows.drop(columns=["headroom_heart", "headroom_all"]).assign(headroom=headroom, place=place)
    return shown[place >= 0].sort_values(["place", "model"]).drop(columns="place").reset_index(drop=True)
