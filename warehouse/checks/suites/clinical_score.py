"""What table ``clinical_score`` must look like."""

from echomort.clinical_scores.scores import clinical_scores
from warehouse.checks.expected import (
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

SUITE = Suite(
    (
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
)
