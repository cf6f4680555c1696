"""Labels every study: mortality within each horizon, by the rules of docs/outcome.md."""

import duckdb
import pandas as pd

from echomort.core.errors import UserError
from echomort.core.keys import Keyring
from echomort.settings import Outcome
from warehouse.queries import run, scalar


def link(connection: duckdb.DuckDBPyConnection, outcome: Outcome, keyring: Keyring | None = None) -> None:
    """Replace tables ``outcome``, ``outcome_at_horizon`` and ``attrition``: every study gets a label, or one reason.

    ``outcome`` is of the main horizon, ``outcome_at_horizon`` of every horizon, that one included.
    ``days`` are whole days from the study to death (``event``) or to the last evidence of life. ``keyring`` is needed
    if dates are shifted: the data end on one true day, which is a different shifted day for each patient. Raises
    :class:`UserError` if the tables were staged with another key, or if ``follow_up`` is ``registry`` and the source
    has moved its dates.
    """
    if outcome.follow_up == "registry" and scalar(connection, "tables/outcome/own_calendars.sql"):
        raise UserError(
            "outcome.follow_up is registry, but the source has moved each patient's dates by another offset",
            "set outcome.follow_up to encounter",
        )
    _write_offsets(connection, keyring)
    run(connection, "definitions/attrition_step.sql")
    run(connection, "definitions/recorded_end.sql")
    run(connection, "definitions/moment.sql")
    run(
        connection,
        "tables/outcome/outcome.sql",
        follow_up=outcome.follow_up,
        registry_complete_through=outcome.registry_complete_through,
        require_full_window=outcome.require_full_window,
        study_grace_days=outcome.study_grace_days,
        horizon_days=outcome.horizon_days,
        horizons=list(outcome.all_horizons),
    )


def _write_offsets(connection: duckdb.DuckDBPyConnection, keyring: Keyring | None) -> None:
    staged = run(connection, "tables/outcome/staged.sql").fetchall()
    dates, key_id = staged[0] if staged else ("kept", None)
    shifted = dates == "shifted"
    if shifted and keyring is None:
        raise ValueError("the dates are shifted: link() needs the keyring that shifted them")
    if shifted and keyring and keyring.key_id != key_id:
        raise UserError("the health records were staged with another key", "use that key, or stage them again")
    run(connection, "tables/outcome/patient_offset.sql")
    if not shifted or keyring is None:
        return
    keys = [key for (key,) in run(connection, "tables/outcome/patients.sql").fetchall()]
    offsets = pd.DataFrame({"patient_key": keys, "shift": [keyring.shift_days(key) for key in keys]})
    connection.append("patient_offset", offsets, by_name=True)
