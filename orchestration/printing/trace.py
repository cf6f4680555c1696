"""Prints what `echomort trace` found, as lines and as a drawing."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from assets.trace import Step, Trace

SHOWN = 10
"""Studies, files and figures that are named in lines at most; `--json` has all. Our choice: a screen."""

BOX, GAP, ROW, COLUMN = (190, 46), 20, 66, 250
"""Width and height of a box, the margin, and the distance of rows and columns of the drawing, in pixels."""

Names = Mapping[str, Mapping[str, str]]
"""Domain (patient, study, folder, instance) -> pseudonym -> identifier; empty without `--identifiers`."""


def trace_lines(found: Trace, names: Names) -> Iterator[str]:
    """Yield what was found, from the sources to the figures; ``names`` are shown beside the pseudonyms."""
    yield f"{found.kind} {found.name}"
    if "value" in found.facts:
        facts = found.facts
        limits = "" if facts["low"] is None else f" ({facts['low']:.4g} to {facts['high']:.4g})"
        yield f"  value {_number(facts['value'])}{limits}, n {facts['n']}, deaths {facts['events']}, {facts['method']}"
    for decision in found.facts.get("decisions", ()):
        became = "promoted" if decision["promoted"] else "not promoted"
        yield f"  {became}: {'; '.join(decision['reasons'])}"
    yield from _studies(found, names)
    yield from _files(found, names)
    if rows := [f"{table} {count}" for table, count in found.records.items() if count]:
        yield f"staged rows of these patients: {', '.join(rows)}"
    for title, is_source in (("made from", True), ("and into", False)):
        steps = [step for step in found.steps if step.is_source == is_source]
        if steps:
            yield f"{title}:"
        yield from map(_step_line, steps)
    yield from _results(found)


def _studies(found: Trace, names: Names) -> Iterator[str]:
    if not found.studies:
        return
    roles = Counter(str(row["role"] or "not followed") for row in found.studies)
    headline = sum(bool(row["headline"] and row["label"] is not None) for row in found.studies)
    parts = ", ".join(f"{role} {count}" for role, count in sorted(roles.items()))
    yield f"studies: {len(found.studies)} of {len(found.patients)} patients ({parts}); headline studies: {headline}"
    for row in found.studies[:SHOWN]:
        patient, study = row["patient_key"], row["study_key"]
        yield f"  study {_named('study', study, names)} of patient {_named('patient', patient, names)}"
    yield from _rest(len(found.studies))


def _files(found: Trace, names: Names) -> Iterator[str]:
    if not found.files:
        return
    accepted = sum(row["status"] == "accepted" for row in found.files)
    folders = len({row["folder_key"] for row in found.files})
    yield f"files of the archive: {len(found.files)} in {folders} folders; gave a clip: {accepted}"
    for row in found.files[:SHOWN]:
        became = f"clip, {row['view']}" if row["status"] == "accepted" else f"rejected: {row['reason']}"
        yield f"  file {_named('instance', row['instance_key'], names)} ({became})"
    yield from _rest(len(found.files))


def _rest(count: int) -> Iterator[str]:
    if count > SHOWN:
        yield f"  and {count - SHOWN} more: --json names all"


def _named(domain: str, key: str, names: Names) -> str:
    return f"{key} = {names[domain][key]}" if key in names.get(domain, {}) else str(key)


def _step_line(step: Step) -> str:
    units = f" units {len(step.units)}," if step.units else ""
    files = (
        f", {step.files[0]}" + (f" and {len(step.files) - 1} more" if len(step.files) > 1 else "") if step.files else ""
    )
    made = f"{len(step.code)} parts of code, {len(step.settings)} settings"
    libraries = ", ".join(f"{name} {version}" for name, version in step.libraries.items())
    return f"  {step.asset}:{units} content {step.digest[:12]}{files}; {made}{f'; {libraries}' if libraries else ''}"


def _results(found: Trace) -> Iterator[str]:
    if found.models:
        yield f"models: {', '.join(found.models)}"
    if found.figures:
        counts = Counter(f"{row['evaluation']}/{row['model']}" for row in found.figures)
        yield f"figures: {len(found.figures)}"
        yield from (f"  {name}: {count}" for name, count in counts.most_common(SHOWN))
        yield from _rest(len(counts))
    for row in found.risks[:SHOWN]:
        risk = "withheld" if row["risk"] is None else f"{row['risk']:.4f}"
        beyond = f", beyond the development cohort: {row['beyond']}" if row["beyond"] else ""
        yield f"risk of study {row['study_key']}: {risk} by champion {row['champion']}{beyond}"
    if found.candidates:
        yield f"candidates that learnt from the patient: {', '.join(found.candidates)}"


def _number(value: Any) -> str:
    return "none" if value is None else f"{value:.4g}"


def trace_svg(found: Trace) -> str:
    """Return the way through the assets as a drawing: a box an asset, an arrow from each to what was made from it."""
    places = _places(found.steps)
    width = GAP * 2 + COLUMN * max((column for column, _ in places.values()), default=0) + BOX[0]
    height = GAP * 3 + ROW * max((row for _, row in places.values()), default=0) + BOX[1]
    arrows = [_arrow(places[above], places[step.asset]) for step in found.steps for above in step.above]
    boxes = [_box(step, places[step.asset]) for step in found.steps]
    head = (
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#667"/></marker></defs>'
    )
    title = f'<text x="{GAP}" y="{GAP}" font-weight="bold">{escape(f"{found.kind} {found.name}")}</text>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" '
        f'font-size="12">{head}<rect width="100%" height="100%" fill="white"/>{title}{"".join(arrows + boxes)}</svg>\n'
    )


def _places(steps: Sequence[Step]) -> dict[str, tuple[int, int]]:
    """Return asset -> column and row: the column after the last of those above it, the next free row there."""
    columns: dict[str, int] = {}
    for step in steps:
        columns[step.asset] = 1 + max((columns[above] for above in step.above), default=-1)
    rows: Counter[int] = Counter()
    places = {}
    for asset, column in columns.items():
        places[asset] = (column, rows[column])
        rows[column] += 1
    return places


def _corner(place: tuple[int, int]) -> tuple[int, int]:
    return GAP + place[0] * COLUMN, GAP * 2 + place[1] * ROW


def _arrow(start: tuple[int, int], end: tuple[int, int]) -> str:
    (x, y), (to_x, to_y) = _corner(start), _corner(end)
    x, y, to_y = x + BOX[0], y + BOX[1] // 2, to_y + BOX[1] // 2
    bend = (to_x - x) // 2
    path = f"M{x} {y}C{x + bend} {y} {to_x - bend} {to_y} {to_x} {to_y}"
    return f'<path d="{path}" fill="none" stroke="#99a" marker-end="url(#tip)"/>'


def _box(step: Step, place: tuple[int, int]) -> str:
    x, y = _corner(place)
    about = f"{len(step.units)} units, " if step.units else ""
    return (
        f'<rect x="{x}" y="{y}" width="{BOX[0]}" height="{BOX[1]}" rx="5" stroke="#445" '
        f'fill="{"#eef3fb" if step.is_source else "#fbf3e6"}"/>'
        f'<text x="{x + 10}" y="{y + 19}" font-weight="bold">{escape(step.asset)}</text>'
        f'<text x="{x + 10}" y="{y + 36}" fill="#445">{about}content {step.digest[:8]}</text>'
    )
