"""What table ``outcome_at_horizon`` must look like."""

from warehouse.checks.expected import (
    HAS_PATIENT,
    LABELLED,
    UNLABELLED,
    Suite,
    absent,
    among,
    matches,
    not_empty,
    present,
    pseudonym,
    renamed,
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
        among("label", 0, 1),
        matches("reason", r"^EXCL_[A-Z0-9_]+$", "reason_is_a_code"),
        renamed("reason_absent_where_labelled", absent("reason", where=LABELLED)),
        renamed("reason_present_where_unlabelled", present("reason", where=UNLABELLED)),
    )
)
