"""What table ``patient`` must look like."""

from pathlib import Path

from warehouse.checks.expected import (
    HAS_PATIENT,
    Expected,
    Suite,
    among,
    dated,
    mostly_present,
    not_empty,
    occurs,
    unique,
)


def expected(_: Path | None) -> tuple[Expected, ...]:
    """Return the expectations on table ``patient``."""
    return (
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


SUITE = Suite(expected)
