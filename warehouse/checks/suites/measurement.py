"""What table ``measurement`` must look like."""

from pathlib import Path

from echomort.ehr.catalogue import site_catalogue
from warehouse.checks.expected import (
    HAS_PATIENT,
    Expected,
    Suite,
    among,
    dated,
    mostly_present,
    not_empty,
    present,
    pseudonym,
    within,
)
from warehouse.staging.vocabulary import words


def expected(variables: Path | None) -> tuple[Expected, ...]:
    """Return the expectations on table ``measurement``."""
    catalogue = site_catalogue(variables)
    return (
        not_empty("warning"),
        *HAS_PATIENT,
        pseudonym("study_key"),
        present("variable"),
        among("variable", *catalogue.names()),
        present("value"),
        within("value", -1e6, 1e7),
        mostly_present("unit", 0.7),
        among("unit", *words("unit", catalogue)),
        present("measured_at"),
        dated("measured_at"),
    )


SUITE = Suite(of_variables=expected)
