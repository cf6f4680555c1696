"""What became of the archive's files, in one line each: for the terminal, and for the check on linkage."""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from echomort.clips.tries import MOST_TRIES
from echomort.linkage.reasons import counted, is_ordinary, reason_line
from warehouse.queries import run


@dataclass(frozen=True)
class Linked:
    """How many ``studies`` the archive has, and how many have a file that is ``linked``; ``reasons``: (reason, files,
    studies) of the files that are not, the most files first."""

    studies: int
    linked: int
    reasons: Sequence[tuple[str, int, int]]

    def line(self, least: float) -> str:
        """Return the line that says that less than the share ``least`` is linked; empty if it is not so."""
        if self.linked >= least * self.studies:
            return ""
        named = ", ".join(f"{reason} in {files} files" for reason, files, _ in self.reasons)
        share = int(1000 * self.linked / self.studies) / 1000
        return (
            f"{self.linked} of {counted(self.studies, 'study', 'studies')} of the archive "
            f"{'is' if self.linked == 1 else 'are'} linked to the records ({named}): headers and records write their "
            "numbers differently, or are of different studies; `echomort link --explain` compares them and names the "
            "rule that links them; for an archive that is larger than the extract on purpose --set "
            f"linkage.least_linked={share:g}"
        )


def linked_studies(connection: duckdb.DuckDBPyConnection) -> Linked:
    """Return how much of the archive is linked to the records."""
    studies, linked = run(connection, "reads/counts/linked_studies.sql").fetchall()[0]
    return Linked(studies, linked, run(connection, "reads/counts/unlinked.sql").fetchall())


def linkage_warnings(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Return (asset, warning) of every reason why files are not linked that needs a person."""
    found = run(connection, "reads/counts/unlinked.sql").fetchall()
    return [("linkage", reason_line(*one)) for one in found if not is_ordinary(one[0])]


def unread_warnings(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Return (asset, warning) where files of the archive could not be read: each run tries them again."""
    found = run(connection, "reads/counts/unread.sql").fetchall()
    return [
        (
            asset,
            f"{counted(files, 'file', 'files')} of the archive can't be read and give{'s' if files == 1 else ''} no "
            "clip: give read permission, or see to the drive; each run tries again",
        )
        for asset, files in found
    ]


def hampered_warnings(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Return (asset, warning) where files gave no clip for a cause that may pass: some runs try them again."""
    from echomort.dicom.reasons import MAY_PASS

    found = run(connection, "reads/counts/hampered.sql", reasons=sorted(MAY_PASS)).fetchall()
    if not found:
        return []
    named = ", ".join(f"{reason} {files}" for reason, files in found)
    files = sum(files for _, files in found)
    words = f"{counted(files, 'file', 'files')} gave no clip for a cause that may lie in a busy machine ({named})"
    return [
        (
            "clips",
            f"{words}: {MOST_TRIES} runs try; what fails then is tried again once imaging.file_timeout or "
            "imaging.worker_memory_gib is another",
        )
    ]
