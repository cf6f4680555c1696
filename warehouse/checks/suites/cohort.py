"""What table ``cohort`` must look like."""

from pathlib import Path

from warehouse.checks.expected import HAS_PATIENT, Expected, Suite, among, not_empty, occurs, present, unique, within


def expected(_: Path | None) -> tuple[Expected, ...]:
    """Return the expectations on table ``cohort``."""
    return (
        not_empty(),
        present("study_key"),
        unique("study_key"),
        *HAS_PATIENT,
        among("role", "development", "reader", "heart_failure"),
        occurs("role", "development"),
        within("fold", -1, 19),
        present("label"),
        among("label", 0, 1),
        occurs("label", 0, 1, severity="warning"),
        within("days", 0, 36_525),
        present("event"),
        present("headline"),
    )


SUITE = Suite(expected)
