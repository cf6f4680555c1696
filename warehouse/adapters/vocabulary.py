"""Finds the tables of a vocabulary in the folder that ``sources.vocabulary`` names.

It is a release of SNOMED CT (RF2) or a download of OHDSI's Athena. An extract that lacks such a table reads it there.
"""

from pathlib import Path

from echomort.core.errors import UserError

ATHENA = ("concept", "concept_relationship", "concept_ancestor")
"""Tables of OHDSI's vocabulary that adapters read: ``CONCEPT.csv`` in capitals or not."""

RELATIONSHIPS = "sct2_relationship"
"""Table of the relationships of a SNOMED CT release."""

RELEASES = ("Snapshot", "Full")
"""Kinds of an RF2 release, the preferred one first: a snapshot has one row for each relationship, a full one all its
versions. A delta alone is no hierarchy."""


def vocabulary_files(folder: Path | None) -> dict[str, list[Path]]:
    """Return table -> its files at any depth of ``folder``, sorted; empty without a folder.

    An edition of SNOMED CT may consist of several releases: their files are one table. Raises :class:`UserError` if the
    folder does not exist, holds none of the tables, or holds one of Athena's twice.
    """
    if folder is None:
        return {}
    if not folder.is_dir():
        raise UserError(f"the folder of the vocabulary does not exist ({folder})", "correct sources.vocabulary")
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix.lower() in {".csv", ".txt"})
    found = {table: [path for path in files if path.name.lower() == f"{table}.csv"] for table in ATHENA}
    twice = [table for table in ATHENA if len(found[table]) > 1]
    if twice:
        raise UserError(f"sources.vocabulary holds {twice[0].upper()}.csv twice", "keep one download of Athena in it")
    for release in RELEASES:
        prefix = f"sct2_relationship_{release}".lower()
        found[RELATIONSHIPS] = [path for path in files if path.name.lower().removeprefix("x").startswith(prefix)]
        if found[RELATIONSHIPS]:
            break
    named = {table: paths for table, paths in found.items() if paths}
    if not named:
        raise UserError(
            f"there is no vocabulary in sources.vocabulary ({folder})",
            "name a folder with sct2_Relationship_Snapshot*.txt of a SNOMED CT release, or with CONCEPT.csv, "
            "CONCEPT_RELATIONSHIP.csv and CONCEPT_ANCESTOR.csv of Athena",
        )
    return named
