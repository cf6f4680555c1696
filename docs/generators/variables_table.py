"""``python -m docs.generators.variables_table`` prints docs/variables.md: the data dictionary, from the catalogue."""

from collections.abc import Iterator

import typer

from echomort.ehr.clean import NOT_LARGER_THAN, SMALLER_THAN, conversions
from echomort.ehr.variables import Variable, VariableSet, catalogue, icd9_groups

HEAD = """# The variables

Made by `python -m docs.generators.variables_table` from `echomort/ehr/variables.csv`, `units.csv` and `icd9.csv`.

The method has 158: {echo} of the echo, {clinical} of the clinic and {diagnosis} groups of diagnoses. {comparator} more
are what the clinical scores and the reader study need; models get them only with `tabular.variables=catalogue`. The
numbers are published, the names are not: the list is reconstructed, and the choice of the 90 groups is ours.

How a value comes to stand in the feature table, in this order:

1. **Known at the echo.** A value measured in the study itself (the mean of repeats, never one dated after the study's
   day), else the last one at or before the study within the window. A diagnosis counts from the moment it was recorded:
   one coded at discharge was not known at an echo of the same stay. A record of the study's own day is left out if it
   or the study has no time of day (`features.same_day`, [data_contract.md](data_contract.md)), unless the source links
   it to the study.
2. **Unit.** Converted to the unit below. A unit that is unknown, or missing where that is ambiguous, is refused and
   counted, never guessed.
3. **Limits.** A value outside is null and counted, never clipped.
4. **Between echoes** (`features.between_echoes`). What an echo lacks is carried forward from the last one for
   `features.carry_days` (`prospective`, the default), lies on the line between the one before and the one after
   (`paper`: it knows the later echo), or stays missing (`none`).
5. **Against each other.** Of two values that can't both be right neither is taken (but one that another echo gave
   yields to one that this echo measured): {pairs}.
   What follows from others and does not is not taken: `mv_ea` (`mv_e` / `mv_a`, within 10 %), `rvsp`
   (4 x `tr_vmax`^2 + `rap`, within 5 mmHg), `bmi` (weight and height, within 10 %), `ef_bp`, `ef_4c` and `ef_2c` (their
   volumes, within 15 points). A reported `lvef` more than 15 points from the biplane volumes and an `av_vmax` below
   `lvot_vmax` are counted and kept.
6. **For models that need complete data** (`tabular.*`): values beyond both outlier rules (mean +/- 3 SD, and quartiles
   +/- 3 interquartile ranges) become gaps where a variable has no limits; columns with more than 90 % of gaps leave;
   gaps are filled by chained equations, the diastolic grade by one logistic regression a grade. All of it is learnt on
   a fold's training rows (`tabular.imputation_scope=global`: on all, as the method did). XGBoost gets the gaps as they
   are.

Counts of what was refused and filled are in tables `feature_refusal` and `feature_filled`, gaps in `feature_count`; the
report shows the shares. Two blocking checks find a value that was not known at its echo; a third warns of a variable
that alone ranks patients by their outcome too well to be true.
"""

TITLES: dict[VariableSet, str] = {
    "echo": "Echo",
    "clinical": "Clinical",
    "comparator": "For the clinical scores and the reader study",
    "diagnosis": "Diagnosis groups",
}
VALUES_HEAD = """| variable | meaning | unit | limits | window | code | other units read | provenance |
|---|---|---|---|---|---|---|---|"""
GROUPS_HEAD = """| variable | meaning | ICD-10-CM | ICD-9-CM | provenance |
|---|---|---|---|---|"""


def lines() -> Iterator[str]:
    """Yield the page line by line."""
    counts = {name: str(sum(variable.set == name for variable in catalogue())) for name in TITLES}
    pairs = ", ".join(
        [f"`{smaller}` below `{larger}`" for smaller, larger in SMALLER_THAN]
        + [f"`{smaller}` not above `{larger}`" for smaller, larger in NOT_LARGER_THAN]
    )
    yield from HEAD.format(**counts, pairs=pairs).splitlines()
    for name, title in TITLES.items():
        yield ""
        yield f"## {title}"
        yield from (GROUPS_HEAD if name == "diagnosis" else VALUES_HEAD).splitlines()
        row = _group if name == "diagnosis" else _value
        yield from (row(variable) for variable in catalogue() if variable.set == name)


def _value(variable: Variable) -> str:
    limits = "" if variable.low is None else f"{variable.low:g} to {variable.high:g}"
    window = {None: "", 0: "the study"}.get(variable.window_days, f"{variable.window_days} days")
    own = variable.unit.lower()
    others = [one.unit for one in conversions() if one.variable == variable.name and one.unit != own]
    read = ", ".join(f"`{unit}`" if unit else "none given" for unit in others)
    code = f"{variable.code_system} {variable.code}" if variable.code else ""
    parts = (f"`{variable.name}`", variable.label, variable.unit, limits, window, code, read, variable.provenance)
    return f"| {' | '.join(parts)} |"


def _group(variable: Variable) -> str:
    older = ", ".join(prefix for prefix, group in icd9_groups() if group == variable.name)
    span = (
        variable.code_from if variable.code_from == variable.code_to else f"{variable.code_from} to {variable.code_to}"
    )
    return f"| `{variable.name}` | {variable.label} | {span} | {older} | {variable.provenance} |"


def main() -> None:
    """Print the page."""
    for line in lines():
        typer.echo(line)


if __name__ == "__main__":
    main()
