"""The numbers of patients and studies that an extract holds, and nothing else of it."""

import duckdb

from warehouse.adapters.extract import ExtractLocation, open_extract
from warehouse.queries import run


def extract_numbers(
    connection: duckdb.DuckDBPyConnection, location: ExtractLocation, adapter: str
) -> dict[str, set[str]]:
    """Return domain ("patient", "study") -> the numbers in the extract at ``location``, as the source has them.

    Raises :class:`UserError` as :func:`warehouse.adapters.extract.open_extract` does.
    """
    with open_extract(connection, location, adapter):
        patients = {number for (number,) in run(connection, "staging/record_numbers.sql").fetchall()}
        pairs = run(connection, "staging/same_person.sql").fetchall()
        studies = {number for (number,) in run(connection, "staging/study_numbers.sql").fetchall()}
    return {"patient": patients | {number for pair in pairs for number in pair}, "study": studies}
