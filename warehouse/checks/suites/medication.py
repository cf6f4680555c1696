"""What table ``medication`` must look like."""

from warehouse.checks.expected import HAS_PATIENT, Suite, among, dated, ordered, present, within
from warehouse.staging.vocabulary import words

SUITE = Suite(
    (
        *HAS_PATIENT,
        present("drug_class"),
        among("drug_class", *words("drug")),
        within("dose", 0, 1e6),
        among("unit", *words("dose")),
        present("started_at"),
        dated("started_at"),
        ordered("ended_at", "started_at"),
    )
)
