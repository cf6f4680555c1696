"""What table ``clip`` must look like."""

from warehouse.checks.expected import (
    ACCEPTED,
    CODE_WORD,
    HAS_PATIENT,
    REJECTED,
    Suite,
    absent,
    among,
    matches,
    occurs,
    present,
    pseudonym,
    renamed,
    unique,
    within,
)

SUITE = Suite(
    (
        present("clip_key"),
        unique("clip_key"),
        present("instance_key"),
        pseudonym("instance_key"),
        unique("instance_key"),
        pseudonym("study_key"),
        *HAS_PATIENT,
        among("status", "accepted", "rejected"),
        renamed("reason_present_where_rejected", present("reason", where=REJECTED)),
        renamed("reason_absent_where_accepted", absent("reason", where=ACCEPTED)),
        present("digest", where=ACCEPTED),
        present("view", where=ACCEPTED),
        present("view_source", where=ACCEPTED),
        matches("view_source", CODE_WORD, "view_source_is_a_code"),
        within("fps", 1, 1000, where=ACCEPTED),
        within("frames", 1, 100_000, where=ACCEPTED),
        occurs("status", "accepted", severity="warning"),
    )
)
