"""MEDS events of one subject, one by one, and the data set that holds them."""

from datetime import datetime

import pyarrow
import pyarrow.parquet

AT = datetime(2018, 5, 1, 10)


def event(code, at=AT, number=None, words=None, subject=7, **more):
    one = {"subject_id": subject, "time": at, "code": code, "numeric_value": number, "text_value": words}
    return one | more


STATIC = [event("MEDS_BIRTH", datetime(1950, 3, 4)), event("GENDER//F", None), event("RACE//WHITE", None)]
VISIT = event("VISIT//outpatient", datetime(2019, 1, 1, 9))
FIELDS = {
    "subject_id": pyarrow.int64(),
    "time": pyarrow.timestamp("us"),
    "code": pyarrow.string(),
    "numeric_value": pyarrow.float32(),
    "text_value": pyarrow.string(),
}


def written(folder, *events, shard="data/train/0.parquet", codes=()):
    path = folder / shard
    path.parent.mkdir(parents=True, exist_ok=True)
    own = sorted({name for one in events for name in one} - set(FIELDS))
    schema = pyarrow.schema([*FIELDS.items(), *((name, pyarrow.string()) for name in own)])
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(events), schema), path)
    if codes:
        (folder / "metadata").mkdir(exist_ok=True)
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(codes)), folder / "metadata" / "codes.parquet")
    return folder
