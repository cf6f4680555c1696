"""What table ``clip_view`` must look like."""

from pathlib import Path

from warehouse.checks.expected import CODE_WORD, Expected, Suite, matches, present, pseudonym, unique


def expected(_: Path | None) -> tuple[Expected, ...]:
    """Return the expectations on table ``clip_view``."""
    return (
        present("clip_key"),
        unique("clip_key"),
        pseudonym("study_key"),
        present("view"),
        present("view_source"),
        matches("view", CODE_WORD, "view_is_a_code"),
        matches("view_source", CODE_WORD, "view_source_is_a_code"),
    )


SUITE = Suite(expected)
