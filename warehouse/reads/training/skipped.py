"""What a run left out because there was too little to train on, in words."""

import duckdb

from warehouse import ledger


def skipped(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Return (asset, what was left out and why, in one line): all training, permuted labels, and controls. Views have
    a table of their own."""
    if reason := ledger.reasons(connection, "ehr_models").get(ledger.WHOLE):
        what = "no model was trained, nothing is evaluated, and there is no candidate for champion"
        return [("ehr_models", f"{what}: {reason}")]
    found = [
        ("fusion", f"no video model, and no stack with the health records: {reason}")
        for reason in ledger.reasons(connection, "fusion").values()
    ]
    for asset in ("permuted_null", "motion_controls"):
        for unit, reason in ledger.reasons(connection, asset).items():
            found.append((asset, f"{unit} was left out: {reason}"))
    return found
