"""What table ``feature`` must look like."""

from pathlib import Path

from echomort.ehr.catalogue import site_catalogue
from echomort.ehr.variables import Variable
from warehouse.checks.expected import (
    Expected,
    Suite,
    among,
    mostly_present,
    not_empty,
    present,
    pseudonym,
    unique,
    within,
)


def expected(variables: Path | None) -> tuple[Expected, ...]:
    """Return the expectations on table ``feature``."""
    catalogue = site_catalogue(variables)
    columns = ["study_key", *catalogue.names()]
    return (
        not_empty(),
        Expected("columns_are_the_catalogue", "TableColumnsToMatchOrderedList", {"column_list": columns}),
        present("study_key"),
        pseudonym("study_key"),
        unique("study_key"),
        mostly_present("age", 0.9),
        mostly_present("sex", 0.9),
        *(_limits(variable) for variable in catalogue.variables if variable.is_code or variable.low is not None),
    )


def _limits(variable: Variable) -> Expected:
    if variable.is_code:
        return among(variable.name, *variable.levels)
    return within(variable.name, variable.low, variable.high)


SUITE = Suite(of_variables=expected)
