"""What table ``outcome_at_horizon`` must look like."""

from warehouse.checks.expected import (
    HAS_PATIENT,
    LABEL_OR_REASON,
    Suite,
    not_empty,
    present,
    pseudonym,
    unique,
    within,
)

SUITE = Suite(
    (
        not_empty(),
        present("study_key"),
        pseudonym("study_key"),
        unique("study_key", "horizon_days"),
        *HAS_PATIENT,
        present("horizon_days"),
        within("horizon_days", 1, 3650),
        *LABEL_OR_REASON,
    )
)
