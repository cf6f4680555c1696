"""Prints files on the terminal: one aligned line for each file; remarks are numbered and listed at the end."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

WIDTHS = {"what": 24, "view": 29, "timing": 32}
"""Width of each column in characters. The path comes last because it may be of any length."""

Known = Mapping[str, Any]


def inspected(records: Iterable[Known]) -> Iterator[str]:
    """Yield the lines of ``inspect``: what was found, timing, view, path, remarks; then the counts."""
    remarks: dict[str, int] = {}
    counts: Counter[str] = Counter()
    for record in records:
        counts[record["status"]] += 1
        accepted = record["status"] == "accepted"
        texts = [text.replace("_", " ") for text in record["notes"]] if accepted else [_meaning(record)]
        yield _line(record, "accepted" if accepted else f"rejected: {record['reason']}", texts, remarks)
    yield from _numbered_remarks(remarks)
    yield f"{counts['accepted']} accepted, {counts['rejected']} rejected"


def predicted(records: Iterable[Known]) -> Iterator[str]:
    """Yield the lines of ``predict``: risk, timing, view, path, remarks; then a warning for a synthetic champion."""
    remarks: dict[str, int] = {}
    synthetic = False
    for record in records:
        synthetic |= record["synthetic"]
        scored = record["status"] == "accepted"
        texts = [text for text in (_beyond(record), *(record["note"] or "").split("; ")) if text]
        risk = "no risk" if record["risk"] is None else f"risk {100 * record['risk']:5.1f} %"
        what = risk if scored else f"rejected: {record['reason']}"
        yield _line(record, what, texts, remarks)
    yield from _numbered_remarks(remarks)
    if synthetic:
        yield "The champion learnt from the synthetic archive: these risks mean nothing for a person."


def predicted_studies(records: Iterable[Known]) -> Iterator[str]:
    """Yield the lines of ``predict`` on studies: the risk from all clips, its range, what counted, what was missing."""
    yield ""
    for record in records:
        risk = "no risk"
        if record["risk"] is not None:
            low, high = 100 * record["low"], 100 * record["high"]
            risk = f"risk {100 * record['risk']:.1f} % ({low:.1f} to {high:.1f} by the networks of single folds)"
            risk += f", by {record['model'].replace('_', ' ')}"
        counted = f"{record['scored']} of {record['files']} files count"
        missing = f"; without {', '.join(record['missing'])}" if record["missing"] else ""
        notes = "".join(f"; {text}" for text in (_beyond(record), record["note"]) if text)
        yield f"study {record['study']}: {risk}; {counted}{missing}{notes}  {printable(record['place'])}"


def results(records: Iterable[Known]) -> Iterator[str]:
    """Yield the lines of ``result``: each study's risk, or why it gets no result."""
    synthetic = False
    for record in records:
        synthetic |= record["synthetic"]
        counted = f"{record['scored']} of {record['files']} files count"
        what = f"no result: {record['no_result']}" if record["no_result"] else f"risk {100 * record['risk']:.1f} %"
        beyond = "; ".join(text for text in (counted, _beyond(record)) if text)
        yield f"study {record['study']}: {what}; {beyond}  {printable(record['place'])}"
    if synthetic:
        yield "The champion learnt from the synthetic archive: these risks mean nothing for a person."


def published(records: Iterable[Known]) -> Iterator[str]:
    """Yield the lines of ``predict --weights``: what came out of the authors' network, timing, view, path, remarks."""
    remarks: dict[str, int] = {}
    for record in records:
        scored = record["status"] == "accepted"
        what = f"risk {record['risk']:.3f}, uncalibrated" if scored else f"rejected: {record['reason']}"
        yield _line(record, what, [record["note"]], remarks)
    yield from _numbered_remarks(remarks)


def _line(record: Known, what: str, texts: Iterable[str], remarks: dict[str, int]) -> str:
    marks = "".join(f" [{remarks.setdefault(text, len(remarks) + 1)}]" for text in texts)
    columns = {"what": what, "view": _view(record), "timing": _timing(record)}
    aligned = "  ".join(columns[name].ljust(width) for name, width in WIDTHS.items())
    return f"{aligned}  {printable(record['path'])}{marks}"


def _beyond(record: Known) -> str:
    return f"beyond the development cohort: {', '.join(record['beyond'])}" if record["beyond"] else ""


def _view(record: Known) -> str:
    view, source = record["view"], record["view_source"]
    return f"{view} ({source})" if view and source not in (None, "none") else view or "-"


def _timing(record: Known) -> str:
    if not record["frames"]:
        return "-"
    source = f" ({record['fps_source']})" if record.get("fps_source") else ""
    rate = f" at {record['fps']:.1f}/s{source}" if record["fps"] else ""
    return f"{record['frames']} frame{'s' if record['frames'] != 1 else ''}{rate}"


def _meaning(record: Known) -> str:
    return f"{record['meaning']} ({record['detail']})" if record["detail"] else record["meaning"]


def _numbered_remarks(remarks: Mapping[str, int]) -> Iterator[str]:
    for text, number in remarks.items():
        yield f"[{number}] {text}"


def printable(path: str) -> str:
    """Return ``path`` with characters that can't be printed written as escapes."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in path)
