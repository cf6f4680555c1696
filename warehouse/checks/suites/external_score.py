"""What table ``external_score`` must look like."""

from warehouse.checks.expected import Suite, present, pseudonym, short, unique, within

SUITE = Suite(
    (
        present("study_key"),
        pseudonym("study_key"),
        present("model"),
        short("model", 64),
        present("logit"),
        within("logit", -100, 100),
        unique("study_key", "model"),
    )
)
