"""The guard against half an archive: much of what was here at the last run is gone at once.

A volume that is not mounted looks like files that were deleted. Their clips, models and risks would be deleted with
them, so that a run stops before that, until a person says that they were removed on purpose.
"""

from collections.abc import Mapping

from assets.sources.embedded import embedded_archive
from echomort.core.errors import UserError
from echomort.settings import Settings

ACCEPTED_TAG = "echomort/accept_removals"
"""Tag of a run (value ``yes``) that takes whatever is gone as removed on purpose."""

ARCHIVE_CHECK = "no_part_of_the_archive_is_gone"
"""The check of the archive, which blocks what lies below it."""

FEWEST = 20
"""Files, folders or rows below which nothing is too many to be gone: a trial may lose half of them. Our choice."""

REMEDY = (
    "mount or restore what is missing and run again; if it was removed on purpose, run "
    "`echomort run --accept-removals` once"
)


def is_accepted(tags: Mapping[str, str]) -> bool:
    """Return whether a run with these tags takes what is gone as removed on purpose."""
    return tags.get(ACCEPTED_TAG) == "yes"


def too_many_gone(what: str, gone: int, known: int, most: float) -> str:
    """Return in words that ``gone`` of ``known`` are more than the share ``most``; empty if they are not.

    >>> too_many_gone("files", 30, 100, 0.1)
    '30 of 100 files that were here at the last run are gone (sources.most_gone allows 10 %)'
    >>> too_many_gone("files", 5, 100, 0.1), too_many_gone("files", 5, 10, 0.1)
    ('', '')
    """
    if known < FEWEST or gone <= most * known:
        return ""
    allowed = f"sources.most_gone allows {100 * most:g} %"
    return f"{gone} of {known} {what} that were here at the last run are gone ({allowed})"


def most_gone(settings: Settings) -> float:
    """Return the share that may be gone: all of an embedded archive, which is drawn anew where its settings change."""
    return 1.0 if embedded_archive(settings) else settings.sources.most_gone


def refuse_loss(before: Mapping[str, int], after: Mapping[str, int], most: float) -> None:
    """Raise :class:`UserError` where a table has lost too many of the rows that it had ``before``."""
    words = [
        too_many_gone(f"rows of table {table}", rows - after.get(table, 0), rows, most)
        for table, rows in before.items()
    ]
    if found := "; ".join(filter(None, words)):
        raise UserError(found, REMEDY)
