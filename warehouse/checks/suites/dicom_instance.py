"""What table ``dicom_instance`` must look like."""

from warehouse.checks.expected import (
    ACCEPTED,
    CODE_WORD,
    REJECTED,
    Suite,
    absent,
    among,
    matches,
    not_empty,
    present,
    pseudonym,
    renamed,
    short,
    unique,
    within,
)

SUITE = Suite(
    (
        not_empty(),
        present("instance_key"),
        pseudonym("instance_key"),
        unique("instance_key"),
        present("folder_key"),
        pseudonym("folder_key"),
        pseudonym("patient_key"),
        pseudonym("study_key"),
        pseudonym("accession_key"),
        matches("other_keys", r"^\w+:[0-9a-f]{32}( \w+:[0-9a-f]{32})*$", "other_keys_are_pseudonyms"),
        pseudonym("sop_key"),
        pseudonym("site_key"),
        present("status"),
        among("status", "accepted", "rejected"),
        renamed("reason_present_where_rejected", present("reason", where=REJECTED)),
        renamed("reason_absent_where_accepted", absent("reason", where=ACCEPTED)),
        matches("reason", CODE_WORD, "reason_is_a_code"),
        within("frames", 1, 100_000, where=ACCEPTED),
        within("rows", 8, 16_384, where=ACCEPTED),
        within("columns", 8, 16_384, where=ACCEPTED),
        within("fps", 1, 1000, where=ACCEPTED),
        within("bytes", 0, 2**40),
        short("manufacturer", 64),
        short("model", 64),
    )
)
