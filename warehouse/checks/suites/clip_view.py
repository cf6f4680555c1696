"""What table ``clip_view`` must look like."""

from warehouse.checks.expected import CODE_WORD, Suite, matches, present, pseudonym, unique

SUITE = Suite(
    (
        present("clip_key"),
        unique("clip_key"),
        pseudonym("study_key"),
        present("view"),
        present("view_source"),
        matches("view", CODE_WORD, "view_is_a_code"),
        matches("view_source", CODE_WORD, "view_source_is_a_code"),
    )
)
