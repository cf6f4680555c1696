"""What table ``metric`` must look like."""

from pathlib import Path

from warehouse.checks.expected import Expected, Suite, not_empty, ordered, present, renamed, unique, within


def expected(_: Path | None) -> tuple[Expected, ...]:
    """Return the expectations on table ``metric``."""
    return (
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


SUITE = Suite(expected)
