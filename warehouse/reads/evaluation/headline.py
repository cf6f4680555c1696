"""The AUC of every model that the project trained, for the terminal and for the decision on a new champion."""

import duckdb
import pandas as pd

from echomort.vocabulary.model_names import Kind, ModelName
from warehouse.queries import run

ORDER: tuple[Kind, ...] = ("view", "video", "ehr", "fusion", "null", "oracle")
"""The kinds of models shown, in this order. Baselines and clinical scores are shown in the report only."""


def headline(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Return one row for each trained model: model, value (AUC, NaN with too few deaths or survivors), low, high, n,
    events, headroom.

    ``headroom`` is the share of an oracle's headroom that the model recovers; it is null outside a synthetic archive.
    Video models are compared with the oracle that knows the heart, models that read health records with the oracle
    that knows everything.
    """
    rows = run(connection, "reads/evaluation/headline.sql").df()
    kinds = [ModelName.parse(str(model)).kind for model in rows["model"]]
    reads_records = pd.Series([kind in {"ehr", "fusion"} for kind in kinds], rows.index, dtype=bool)
    headroom = rows["headroom_heart"].where(~reads_records, rows["headroom_all"])
    headroom = headroom.mask(pd.Series([kind == "oracle" for kind in kinds], rows.index, dtype=bool))
    rank = pd.Series([ORDER.index(kind) if kind in ORDER else -1 for kind in kinds], rows.index, dtype=int)
    shown = rows.drop(columns=["headroom_heart", "headroom_all"]).assign(headroom=headroom, rank=rank)
    return shown[rank >= 0].sort_values(["rank", "model"]).drop(columns="rank").reset_index(drop=True)
