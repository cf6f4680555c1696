"""What table ``death`` must look like."""

from warehouse.checks.expected import (
    HAS_PATIENT,
    Suite,
    absent,
    among,
    dated,
    mostly_present,
    not_empty,
    ordered,
    present,
    renamed,
    unique,
)

SUITE = Suite(
    (
        not_empty("warning"),
        *HAS_PATIENT,
        unique("patient_key", "death_date", "latest_date", "precision", "source"),
        among("precision", "day", "month", "year", "unknown"),
        among("source", "registry", "hospital", "record", "unknown"),
        dated("death_date"),
        mostly_present("death_date", 0.9),
        ordered("latest_date", "death_date"),
        present("death_date", where='precision!="unknown"'),
        renamed("death_date_absent_where_unknown", absent("death_date", where='precision=="unknown"')),
    )
)
