"""What table ``study`` must look like."""

from warehouse.checks.expected import (
    HAS_PATIENT,
    Suite,
    among,
    dated,
    mostly_present,
    not_empty,
    present,
    pseudonym,
    renamed,
    unique,
    within,
)
from warehouse.staging.vocabulary import words

SUITE = Suite(
    (
        not_empty(),
        present("study_key"),
        pseudonym("study_key"),
        unique("study_key"),
        *HAS_PATIENT,
        dated("study_at"),
        mostly_present("study_at", 0.95),
        within("study_year", 1980, 2100),
        renamed("study_year_present_with_date", present("study_year", where="study_at.notnull()")),
        among("setting", *words("setting")),
        among("modality", "US"),
    )
)
