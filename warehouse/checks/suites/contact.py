"""What table ``contact`` must look like."""

from warehouse.checks.expected import (
    HAS_PATIENT,
    Expected,
    Suite,
    among,
    dated,
    mostly_present,
    not_empty,
    present,
    unique,
)
from warehouse.staging.vocabulary import words

SUITE = Suite(
    (
        not_empty("warning"),
        *HAS_PATIENT,
        present("contact_at"),
        dated("contact_at"),
        unique("patient_key", "contact_at", "kind"),
        mostly_present("kind", 0.5),
        among("kind", *words("kind")),
        Expected(
            "kind_is_evidence_of_life",
            "ColumnValuesToNotMatchRegex",
            {"column": "kind", "regex": "letter|bill|invoice|portal|autops"},
        ),
    )
)
