"""What table ``metric`` must look like."""

from warehouse.checks.expected import Suite, not_empty, ordered, present, renamed, unique, within

SUITE = Suite(
    (
        not_empty(),
        present("evaluation"),
        present("model"),
        present("subset"),
        present("metric"),
        ordered("high", "low"),
        renamed("auc_within_limits", within("value", 0, 1, where='metric=="auc"')),
        within("n", 0, 10**9),
        ordered("n", "events"),
        unique("evaluation", "model", "subset", "metric", "method"),
    )
)
