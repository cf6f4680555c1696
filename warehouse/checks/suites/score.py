"""What table ``score`` must look like."""

from pathlib import Path

from warehouse.checks.expected import Expected, Suite, present, pseudonym, short, unique, within


def expected(_: Path | None) -> tuple[Expected, ...]:
    """Return the expectations on table ``score``."""
    return (
        present("study_key"),
        pseudonym("study_key"),
        present("model"),
        short("model", 64),
        present("logit"),
        within("logit", -100, 100),
        within("fold", -1, 19),
        unique("study_key", "model", "view", "fold"),
    )


SUITE = Suite(expected)
