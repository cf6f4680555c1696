"""The stored clips that other assets read, by study."""

from assets.project import Project
from warehouse import ledger
from warehouse.ledger import Entry


def stored_clips(project: Project) -> dict[str, Entry]:
    """Return study key -> the ledger's entry of the study's clips, whose artifact is their file."""
    with project.reader() as connection:
        return ledger.entries(connection, "clips")
