"""What table ``risk_score`` must look like."""

from warehouse.checks.expected import Suite, matches, present, pseudonym, short, unique, within

WITHIN = "beyond == ''"
"""Only a study beyond what the cohort holds may have no risk."""
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
        within("logit", -100, 100),
        within("risk", 0, 1),
        within("low", 0, 1),
        within("high", 0, 1),
        *(present(name, where=WITHIN) for name in ("logit", "risk", "low", "high")),
        present("beyond"),
        short("beyond", 10_000),
        present("in_development"),
    )
)
