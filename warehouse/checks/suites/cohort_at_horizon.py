"""What table ``cohort_at_horizon`` must look like."""

from echomort.vocabulary.roles import ROLES
from warehouse.checks.expected import HAS_PATIENT, Suite, among, not_empty, present, pseudonym, unique, within

SUITE = Suite(
    (
        not_empty(),
        present("study_key"),
        pseudonym("study_key"),
        unique("study_key", "horizon_days"),
        *HAS_PATIENT,
        present("horizon_days"),
        within("horizon_days", 1, 3650),
        among("role", *ROLES),
        within("fold", -1, 19),
        present("label"),
        among("label", 0, 1),
        present("headline"),
    )
)
