"""The data dictionary and the page on clinical scores say what the code does."""

import re
from pathlib import Path

import pytest

from docs.generators.variables_table import lines
from echomort.clinical_scores.scores import clinical_scores
from echomort.ehr.variables import names
from warehouse.queries import query

DOCS = Path(__file__).parents[2] / "docs"
COLUMNS = {name: score.columns for name, score in clinical_scores().items()}


def test_the_data_dictionary_is_the_catalogue() -> None:
    page = (DOCS / "variables.md").read_text()
    assert page == "\n".join(lines()) + "\n", "run `python -m docs.generators.variables_table > docs/variables.md`"
    assert all(f"| `{name}` |" in page for name in names())


@pytest.mark.parametrize("score", COLUMNS)
def test_every_input_of_a_score_is_documented_and_mapped(score: str) -> None:
    page = (DOCS / "clinical_scores.md").read_text()
    inputs = page[page.index("## Inputs") : page.index("## Policies")]
    documented = set(re.findall(r"`(\w+)`", inputs))
    assert set(COLUMNS[score]) <= documented
    mapped = query("tables/clinical_score/clinical_input.sql").rpartition("\nSELECT")[2]
    assert all(re.search(rf"\b(AS {column}|{column}),?\n", mapped) for column in COLUMNS[score])
