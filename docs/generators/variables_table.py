"""``python -m docs.generators.variables_table`` prints docs/variables.md: the data dictionary, from the catalogue."""

from collections.abc import Callable, Iterator, Sequence

import typer

from echomort.ehr.clean import NOT_LARGER_THAN, SMALLER_THAN, conversions
from echomort.ehr.variable_sets import TEN
from echomort.ehr.variables import Variable, VariableSet, catalogue, icd9_groups

HEAD = """# The variables

Made by `python -m docs.generators.variables_table` from `echomort/ehr/variables.csv`, `units.csv` and `icd9.csv`.

The method has 158: {clinical} of the clinic, {echo} of the echo and {diagnosis} groups of diagnoses, as its preprint
lists them (arXiv 1811.10553v2, pages 15 to 17, Extended Data Table 2): names, units, grades and codes are published.
Limits and windows are ours; the preprint takes the nearest value from outside of the echo within six months before *or
after* it, which is not known at the echo (`features.outside_values: nearest`, in preset `paper`). {extended} further
variables (`extended`) and {comparator} that only the clinical scores need (`comparator`) are ours. What models get is
decided by `tabular.variables`: `method` (the 158), `extended` (with the former) or `catalogue` (all, a site's own too).

**Grades.** Each valve's regurgitation and stenosis is a grade from 0 (none) to 3 (severe), and for models one column a
grade (0 or 1; all missing where the grade is). The diastolic function is one number: -1 normal, 0 dysfunction without a
grade, 1 to 3 its grade. A grade that is not one of these is refused; repeats in a study are averaged and rounded up.

**Shown to readers**, by their rank in the method's model: {ten}.

How a value comes to stand in the feature table, in this order:

1. **Known at the echo.** A value measured in the study itself (the mean of repeats, never one dated after the study's
   day), else the last one at or before the study within the window (`features.outside_values: nearest`: the nearest
   before or after, within `features.outside_days`). A diagnosis counts from the moment it was recorded:
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
   (4 x `tr_vmax`^2, in m/s, + `rap`, within 5 mmHg), `bmi` (weight and height, within 10 %), `ef_bp`, `ef_4c` and
   `ef_2c` (their volumes, within 15 points). A reported `lvef` more than 15 points from the biplane volumes and an
   `av_vmax` below `lvot_vmax` are counted and kept.
6. **Outliers** (`tabular.outliers`). For models, a value beyond both rules (mean +/- 3 SD, and quartiles +/- 3
   interquartile ranges) is a gap where a variable has no limits.
7. **Gaps.** XGBoost gets them as they are. For models that need complete data, columns with more than 90 % of gaps
   leave; gaps are filled by chained equations, then the diastolic function by one logistic regression for each of -1,
   1, 2 and 3. Codes and valves get their commonest value, which is ours. Outliers and gaps are learnt on a fold's
   training rows (`tabular.imputation_scope=global`: gaps on all, as the method did).

Counts of what was refused and filled are in tables `feature_refusal` and `feature_filled`, gaps in `feature_count`; the
report shows the shares. Two blocking checks find a value that was not known at its echo; a third warns of a variable
that alone ranks patients by their outcome too well to be true.
"""

TITLES: dict[VariableSet, str] = {
    "clinical": "Clinical",
    "echo": "Echo",
    "diagnosis": "Diagnosis groups",
    "extended": "Extended: further echo variables and diagnosis groups",
    "comparator": "For the clinical scores",
}
VALUES_HEAD = """| variable | preprint | meaning | unit | limits | why these | window | code | other units read |
|---|---|---|---|---|---|---|---|---|"""
GROUPS_HEAD = """| variable | meaning | ICD-10-CM | ICD-9-CM |
|---|---|---|---|"""


def lines() -> Iterator[str]:
    """Yield the page line by line."""
    counts = {name: str(sum(variable.set == name for variable in catalogue())) for name in TITLES}
    pairs = ", ".join(
        [f"`{smaller}` below `{larger}`" for smaller, larger in SMALLER_THAN]
        + [f"`{smaller}` not above `{larger}`" for smaller, larger in NOT_LARGER_THAN]
    )
    by_name = {variable.name: variable.preprint_name for variable in catalogue()}
    ten = ", ".join(f"{by_name[name]} (`{name}`)" for name in TEN)
    yield from HEAD.format(**counts, pairs=pairs, ten=ten).splitlines()
    for name, title in TITLES.items():
        members = [variable for variable in catalogue() if variable.set == name]
        yield ""
        yield f"## {title}"
        yield from _table(VALUES_HEAD, _value, [one for one in members if one.source != "diagnosis"])
        yield from _table(GROUPS_HEAD, _group, [one for one in members if one.source == "diagnosis"])


def _table(head: str, row: Callable[[Variable], str], members: Sequence[Variable]) -> Iterator[str]:
    """Yield a table with one row for each of ``members``, after an empty line; nothing without any."""
    if members:
        yield from ("", *head.splitlines(), *map(row, members))


def _value(variable: Variable) -> str:
    limits = "" if variable.low is None else f"{variable.low:g} to {variable.high:g}"
    if variable.coding == "one_hot":
        limits += ", one column each"
    window = {None: "", 0: "the study"}.get(variable.window_days, f"{variable.window_days} days")
    own = variable.unit.lower()
    others = [one.unit for one in conversions() if one.variable == variable.name and one.unit != own]
    read = ", ".join(f"`{unit}`" if unit else "none given" for unit in others)
    code = f"{variable.code_system} {variable.code}" if variable.code else ""
    published = variable.preprint_name
    if variable.preprint_unit:
        published += f" ({variable.preprint_unit})"
    why = variable.limits_source
    parts = (f"`{variable.name}`", published, variable.label, variable.unit, limits, why, window, code, read)
    return f"| {' | '.join(parts)} |"


def _group(variable: Variable) -> str:
    older = ", ".join(prefix for prefix, group in icd9_groups() if group == variable.name)
    span = (
        variable.code_from if variable.code_from == variable.code_to else f"{variable.code_from} to {variable.code_to}"
    )
    return f"| `{variable.name}` | {variable.label} | {span} | {older} |"


def main() -> None:
    """Print the page."""
    for line in lines():
        typer.echo(line)


if __name__ == "__main__":
    main()
