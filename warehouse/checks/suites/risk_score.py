"""What table ``risk_score`` must look like."""

from warehouse.checks.expected import Suite, matches, present, pseudonym, short, unique, within

SUITE = Suite(
    (
        present("study_key"),
        pseudonym("study_key"),
        unique("study_key"),
        present("champion"),
        matches("champion", r"^[0-9a-f]{16}$", "champion_is_an_id"),
        present("model"),
        short("model", 64),
        within("clips", 0, 10_000),
        present("logit"),
        within("logit", -100, 100),
        present("risk"),
        within("risk", 0, 1),
        present("low"),
        within("low", 0, 1),
        present("high"),
        within("high", 0, 1),
        present("in_development"),
    )
)
