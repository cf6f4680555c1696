"""What table ``outcome`` must look like."""

from warehouse.checks.expected import (
    HAS_PATIENT,
    LABELLED,
    UNLABELLED,
    Suite,
    absent,
    among,
    matches,
    not_empty,
    occurs,
    present,
    pseudonym,
    renamed,
    share,
    unique,
    within,
)

SUITE = Suite(
    (
        not_empty(),
        present("study_key"),
        pseudonym("study_key"),
        unique("study_key"),
        *HAS_PATIENT,
        among("label", 0, 1),
        occurs("label", 0, 1, severity="warning"),
        share("label", 0.005, 0.5),
        matches("reason", r"^EXCL_[A-Z0-9_]+$", "reason_is_a_code"),
        renamed("reason_absent_where_labelled", absent("reason", where=LABELLED)),
        renamed("reason_present_where_unlabelled", present("reason", where=UNLABELLED)),
        present("days", where=LABELLED),
        present("event", where=LABELLED),
        within("days", 0, 36_525, where=LABELLED),
    )
)
