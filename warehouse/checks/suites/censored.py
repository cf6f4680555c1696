"""What table ``censored`` must look like."""

from echomort.vocabulary.roles import ROLES
from warehouse.checks.expected import HAS_PATIENT, Suite, among, present, pseudonym, unique, within

SUITE = Suite(
    (
        present("study_key"),
        pseudonym("study_key"),
        unique("study_key"),
        *HAS_PATIENT,
        among("role", *ROLES),
        within("fold", -1, 19),
        present("days"),
        within("days", 0, 36_525),
        present("event"),
        present("followed_headline"),
    )
)
