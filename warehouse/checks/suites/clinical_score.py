"""What table ``clinical_score`` must look like."""

from pathlib import Path

from echomort.clinical_scores.scores import clinical_scores
from warehouse.checks.expected import (
    Expected,
    Suite,
    among,
    not_empty,
    occurs,
    present,
    pseudonym,
    renamed,
    unique,
    within,
)


def expected(_: Path | None) -> tuple[Expected, ...]:
    """Return the expectations on table ``clinical_score``."""
    return (
        not_empty(),
        present("study_key"),
        pseudonym("study_key"),
        present("score"),
        among("score", *clinical_scores()),
        occurs("score", *clinical_scores()),
        present("applicable"),
        within("logit", -21, 21),
        *(
            renamed(f"{name}_within_limits", within("value", *score.limits, where=f'score=="{name}"'))
            for name, score in clinical_scores().items()
            if score.limits
        ),
        unique("study_key", "score"),
    )


SUITE = Suite(expected)
