"""Prints how files and records are linked, and what the numbers on both sides look like: never a number or a part."""

import textwrap
from collections.abc import Iterator

from assets.imaging.link_workbench import LinkAccount
from echomort.linkage.reasons import counted, reason_line
from echomort.linkage.search import Found
from echomort.linkage.shapes import shape_words
from orchestration.printing.records import WIDTH

WORDS = {
    "leading_zeros": "leading zeros",
    "case": "small and capital letters",
    "separators": "separators",
    "point_zero": "a .0 at the end",
}
"""What a rule ignores, in words."""

CUT_WORDS = {
    "header_prefix": "the first {} of the header's number",
    "header_suffix": "the last {} of the header's number",
    "record_prefix": "the first {} of the records' number",
    "record_suffix": "the last {} of the records' number",
}
"""What a rule cuts, in words."""

MAP_REMEDY = (
    "No rule links them. Where the numbers are of another system, write a CSV with the columns dicom and record (a "
    "number of a header, that of the records) and name it as linkage.study.map or linkage.patient.map; where the "
    "records have none of these studies, extract them."
)

EXPLAIN = (
    "next: the same command with --explain, which compares the numbers of both sides and names the rule that links "
    "them, such as a prefix or leading zeros of one side"
)


def link_lines(account: LinkAccount, explain: bool) -> Iterator[str]:
    """Yield the lines of ``echomort link``."""
    read = f"{account.read} of {account.total}" if account.read < account.total else str(account.total)
    yield f"{read} files read, {account.readable} of them with a header that can become a clip"
    if account.refused:
        yield from _wrapped(f"the rule that is set can't be used: {account.refused}; without it:", "")
    yield f"linked: {account.now.linked} of {counted(account.now.studies, 'study', 'studies')} of the archive"
    for reason in account.now.reasons:
        yield from _wrapped(reason_line(*reason), "  ")
    if not explain:
        if account.now.linked < account.now.studies:
            yield from _wrapped(EXPLAIN, "")
        return
    for of in ("study", "patient"):
        yield from ("", f"NUMBERS OF {'STUDIES' if of == 'study' else 'PATIENTS'}")
        width = max(map(len, account.shapes[of]))
        for side, shape in account.shapes[of].items():
            yield from _wrapped(f"{side.ljust(width)}  {shape.count} different, {shape_words(shape)}", "  ")
        yield "  would match:"
        for found in account.rules[of]:
            yield from _wrapped(rule_line(found, of), "    ")
    yield ""
    yield from _advice(account)


def _advice(account: LinkAccount) -> Iterator[str]:
    if account.after is not None:
        yield f"{account.after.linked} of {counted(account.after.studies, 'study', 'studies')} would be linked with"
        for assignment in account.assignments:
            yield f"  --set {assignment}"
    elif account.now.linked:
        yield "No rule links more studies than now."
    elif account.readable:
        yield from _wrapped(MAP_REMEDY, "")
    else:
        yield "No file has a header that can become a clip: see `echomort inspect`."


def rule_line(found: Found, of: str) -> str:
    """Return how many numbers one rule matches, in one line."""
    cuts = [
        words.format(counted(getattr(found.rule, name), "character", "characters"))
        for name, words in CUT_WORDS.items()
        if getattr(found.rule, name)
    ]
    without = ", ".join([WORDS[name] for name in found.rule.ignore] + cuts)
    people = "patients" if of == "patient" else "studies"
    refused = f"; refused: {found.collisions} {people} of the records would be the same" if found.collisions else ""
    how = f"without {without}" if without else "as written"
    return f"{found.tag} {how}: {found.matched} of {found.numbers}{refused}"


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_on_hyphens=False,
        break_long_words=False,
    )
