"""The scores of models that were made elsewhere."""

from collections.abc import Mapping
from pathlib import Path

import duckdb
import pandas as pd

from echomort.core.keys import Keyring
from echomort.evaluation.external_scores import ExternalScores, ScoreRows, read_external, sort_scores
from warehouse.queries import run


def replace_scores(
    connection: duckdb.DuckDBPyConnection, files: Mapping[str, Path], keyring: Keyring
) -> dict[str, ExternalScores]:
    """Replace ``external_score`` and ``external_score_count`` by what ``files`` (by model) hold; return it by model.

    The numbers of studies in the files become pseudonyms, as those of the records do; nothing else of them is kept.
    """
    run(connection, "definitions/local_time.sql", time_zone=None)
    run(connection, "definitions/identifier.sql")
    folds = dict(run(connection, "tables/external_score/studies.sql").fetchall())
    run(connection, "tables/external_score/forget_external_scores.sql")
    found = {}
    for model, path in files.items():
        rows = read_external(path)
        keys = _keys(connection, rows, folds, keyring)
        found[model] = sort_scores(rows, keys.__getitem__, folds.keys(), folds.get)
        connection.append("external_score", found[model].scores.assign(model=model), by_name=True)
        counts = pd.DataFrame(list(found[model].counts.items()), columns=["outcome", "rows"])
        connection.append("external_score_count", counts.assign(model=model), by_name=True)
    return found


def _keys(
    connection: duckdb.DuckDBPyConnection, rows: ScoreRows, known: Mapping[str, int | None], keyring: Keyring
) -> dict[str, str]:
    """Return what the rows call their study -> its pseudonym: of the forms of a number that whose study is known."""
    texts = sorted({text for text in rows.study if text is not None})
    if not rows.by_number:
        return {text: text for text in texts}
    keys = {}
    for text, *forms in run(connection, "tables/external_score/identifiers.sql", texts=texts).fetchall():
        candidates = [keyring.pseudonym("study", form or text) for form in forms]
        keys[text] = next((key for key in candidates if key in known), candidates[0])
    return keys
