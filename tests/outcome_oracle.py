"""The one-year label by pandas: written from the rules (docs/outcome.md), not from the SQL."""

import itertools

import duckdb
import numpy as np
import pandas as pd


def recorded_end(days):
    """Return the end of what was recorded, and the end of the busy months, of one day for each patient and day.

    The last day in a month with at least 5 % of the records of a median month is the end; without its last one, two (of
    50) or three records (of 100), if they follow after a gap that does not look like the 100 gaps before it.
    """
    months = days.groupby(days.dt.to_period("M")).agg(["size", "max"])
    busy = months.loc[months["size"] >= 0.05 * months["size"].median(), "max"].max()
    recent = days[days <= busy].sort_values().tolist()[-104:]
    gaps = [(later - earlier).days for earlier, later in itertools.pairwise(recent)]
    for few in (3, 2, 1):
        before = gaps[: len(gaps) - few][-100:]
        if few > 1 + len(recent) // 50 or not before:
            continue
        ratio = gaps[-few] / max(*before, 1, 1)
        chance = np.prod([place / (place + ratio) for place in range(1, len(before) + 1)])
        if ratio >= 3 and chance < 0.01 and gaps[-few] > (365 if len(before) < 50 else 28):
            return recent[-few - 1], busy
    return busy, busy


def labels(connection: duckdb.DuckDBPyConnection, horizon: int = 365) -> pd.DataFrame:
    """Return (study_key, days, event, label, reason) of every study, by study_key.

    For tables with true dates, one exact statement of death a patient, nobody in quarantine, encounter follow-up and
    the full window required.
    """
    study = connection.execute("SELECT study_key, patient_key, study_at FROM study").df()
    death = connection.execute("SELECT patient_key, death_date FROM death").df().set_index("patient_key")["death_date"]
    contact = connection.execute("SELECT patient_key, contact_at FROM contact").df()
    study["day"] = study["study_at"].dt.normalize().astype("datetime64[s]")
    contact["day"] = contact["contact_at"].dt.normalize().astype("datetime64[s]")
    deaths = death.rename("day").reset_index()
    days = pd.concat([one[["patient_key", "day"]] for one in (study, contact, deaths)])
    end, busy = recorded_end(days.dropna().drop_duplicates()["day"])
    last_contact = study["patient_key"].map(contact.groupby("patient_key")["day"].max())
    last_study = study.groupby("patient_key")["day"].transform("max")
    last_study = last_study.where(last_study > study["day"])
    alive = (pd.concat([last_contact, last_study], axis=1).max(axis=1) - study["day"]).dt.days
    died = (study["patient_key"].map(death) - study["day"]).dt.days
    window = (end - study["day"]).dt.days
    own = pd.concat([alive, died], axis=1).max(axis=1)
    own = own.where(own <= (busy - study["day"]).dt.days)
    window = pd.concat([window, own], axis=1).max(axis=1)
    days = died.fillna(alive)
    before = died < 0
    patient_before = (died < -7).groupby(study["patient_key"]).transform("any")
    reason = np.select(
        [
            before,
            patient_before,
            window < horizon,
            died.notna(),
            alive.isna(),
            alive < 0,
            alive < horizon,
        ],
        [
            "EXCL_DEATH_BEFORE_STUDY",
            "EXCL_PATIENT_QUARANTINED",
            "EXCL_INCOMPLETE_WINDOW",
            "",
            "EXCL_NO_FOLLOWUP",
            "EXCL_FOLLOWUP_BEFORE_STUDY",
            "EXCL_CENSORED_LT_1Y",
        ],
        "",
    )
    label = pd.Series((died <= horizon).astype("float64"), index=study.index).where(reason == "")
    frame = pd.DataFrame({"study_key": study["study_key"], "days": days, "event": died.notna(), "label": label})
    frame["event"] = frame["event"].where(days.notna())
    return frame.assign(reason=reason).sort_values("study_key", ignore_index=True)


def found(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Return the same columns as the warehouse has them."""
    rows = connection.execute(
        "SELECT study_key, days, event, label, coalesce(reason, '') AS reason FROM outcome ORDER BY study_key"
    ).df()
    return rows.astype({"days": "float64", "label": "float64"})


def differences(connection: duckdb.DuckDBPyConnection) -> int:
    """Return in how many rows the two differ."""
    ours, theirs = found(connection), labels(connection)
    if len(ours) != len(theirs):
        return abs(len(ours) - len(theirs)) or 1
    same = np.ones(len(ours), dtype=bool)
    for column in ("study_key", "days", "label", "reason"):
        one, other = ours[column], theirs[column]
        same &= ((one == other) | (one.isna() & other.isna())).to_numpy()
    same &= (
        ours["event"]
        .astype("object")
        .fillna("")
        .astype(str)
        .eq(theirs["event"].astype("object").fillna("").astype(str))
        .to_numpy()
    )
    return int((~same).sum())
