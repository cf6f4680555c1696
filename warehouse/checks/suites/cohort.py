"""What table ``cohort`` must look like."""

from echomort.vocabulary.roles import ROLES
from warehouse.checks.expected import HAS_PATIENT, Suite, among, not_empty, occurs, present, unique, within

SUITE = Suite(
    (
        not_empty(),
        present("study_key"),
        unique("study_key"),
        *HAS_PATIENT,
        among("role", *ROLES),
        occurs("role", "development"),
        within("fold", -1, 19),
        present("label"),
        among("label", 0, 1),
        occurs("label", 0, 1, severity="warning"),
        within("days", 0, 36_525),
        present("event"),
        present("headline"),
        present("followed_headline"),
    )
)
