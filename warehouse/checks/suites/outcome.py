"""What table ``outcome`` must look like."""

from warehouse.checks.expected import (
    HAS_PATIENT,
    LABEL_OR_REASON,
    LABELLED,
    Suite,
    not_empty,
    occurs,
    present,
    pseudonym,
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
        *LABEL_OR_REASON,
        occurs("label", 0, 1, severity="warning"),
        share("label", 0.005, 0.5),
        present("days", where=LABELLED),
        present("event", where=LABELLED),
        within("days", 0, 36_525, where=LABELLED),
    )
)
