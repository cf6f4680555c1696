"""What table ``patient`` must look like."""

from warehouse.checks.expected import (
    HAS_PATIENT,
    Suite,
    among,
    dated,
    mostly_present,
    not_empty,
    occurs,
    unique,
)

SUITE = Suite(
    (
        not_empty(),
        *HAS_PATIENT,
        unique("patient_key"),
        among("sex", "F", "M"),
        occurs("sex", "F", "M", severity="warning"),
        mostly_present("sex", 0.9),
        dated("birth_date"),
        mostly_present("birth_date", 0.9),
        among("race", "white", "black", "asian", "hispanic", "native", "pacific", "other"),
    )
)
