"""What table ``diagnosis`` must look like."""

from warehouse.checks.expected import HAS_PATIENT, Suite, among, dated, matches, not_empty, present

SUITE = Suite(
    (
        not_empty("warning"),
        *HAS_PATIENT,
        among("vocabulary", "ICD10CM", "ICD9CM"),
        present("vocabulary"),
        present("code"),
        matches("code", r"^(?:[A-Z]\d[A-Z0-9]{1,5}|\d{3,5}|V\d{2,4}|E\d{3,4})$", "code_is_a_code"),
        present("recorded_at"),
        dated("recorded_at"),
    )
)
