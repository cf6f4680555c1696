"""Prints settings with their origin."""

from collections.abc import Iterable, Iterator
from typing import Any

from echomort.settings import as_yaml


def setting_lines(records: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Yield a line a setting: its origin, its key, its value."""
    rows = [(row["origin"], f"{row['key']}: {as_yaml(row['value'])}") for row in records]
    width = max((len(origin) for origin, _ in rows), default=0)
    if not rows:
        yield "every setting is at its default"
    for origin, setting in rows:
        yield f"{origin:{width}}  {setting}"
