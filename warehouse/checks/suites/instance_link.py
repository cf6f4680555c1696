"""What table ``instance_link`` must look like."""

from warehouse.checks.expected import (
    ACCEPTED,
    CODE_WORD,
    REJECTED,
    Suite,
    absent,
    among,
    matches,
    present,
    pseudonym,
    renamed,
    unique,
)

SUITE = Suite(
    (
        present("instance_key"),
        pseudonym("instance_key"),
        unique("instance_key"),
        present("status"),
        among("status", "accepted", "rejected"),
        present("study_key", where=ACCEPTED),
        present("patient_key", where=ACCEPTED),
        renamed("reason_present_where_rejected", present("reason", where=REJECTED)),
        renamed("reason_absent_where_accepted", absent("reason", where=ACCEPTED)),
        matches("reason", CODE_WORD, "reason_is_a_code"),
        pseudonym("site_key"),
    )
)
