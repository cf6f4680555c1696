"""The audit log of a home: who scored or exported what. Lines are only added, and each holds the digest of the last.

``HOME/audit.jsonl`` (mode 0600) has one JSON object a line: ``number``, ``at`` (UTC), ``by`` (the user of the operating
system), ``command``, ``event``, ``objects`` (pseudonyms), ``counts``, ``previous`` (SHA-256 of the line before) and
``digest`` (that of the rest of the line). A line that is changed, moved or missing breaks the chain. No line holds an
identifier, a path or free text.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import pwd
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from echomort.core.files import atomic_path, disk_error

LOG = "audit.jsonl"
"""Name of the file in the home."""

REDACTED = "erased"
"""What stands in place of the pseudonym of an erased patient."""

FIRST = ""
"""What the first line has as ``previous``."""

MOST_OBJECTS = 1000
"""Objects that a line names; of more it holds the first ones, their number and the digest of all. Our choice: below
40 kB."""

TAIL_BYTES = 64 * 1024
"""Bytes that are read from the end to find the last line. Our choice: :data:`MOST_OBJECTS` pseudonyms take less."""


@dataclass
class Audited:
    """What a command hands out, collected while it works."""

    objects: list[str] = field(default_factory=list)
    """Pseudonyms of patients, studies or files, ids of candidates."""
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, objects: Iterable[str], **counts: int) -> None:
        """Add ``objects``, and ``counts`` to those that are there."""
        self.objects.extend(objects)
        for name, count in counts.items():
            self.counts[name] = self.counts.get(name, 0) + count


@contextlib.contextmanager
def audited(home: Path, command: str) -> Iterator[Audited]:
    """Write a line before ``command`` hands out anything, and one when it has ended, with what it handed out.

    A command that was killed has no second line. Raises :class:`UserError`, before the block, where the log can't be
    written: then nothing is handed out either.
    """
    begun = append(home, command, "begun", Audited())
    collected = Audited()
    event = "failed"
    try:
        yield collected
        event = "done"
    finally:
        append(home, command, event, collected, begun)


def append(home: Path, command: str, event: str, what: Audited, begun: int | None = None) -> int:
    """Add a line to the log of ``home``, flushed to the disk, and return its number; ``begun`` is that of the line with
    which the command began. Concurrent writers wait for each other."""
    try:
        descriptor = _opened(home / LOG)
    except OSError as error:
        raise disk_error(error) from error
    try:
        number, previous, is_torn = _end(descriptor)
        record = {"number": number, "at": _now(), "by": user(), "command": command, "event": event, "begun": begun}
        record |= {"objects": what.objects[:MOST_OBJECTS], "counts": what.counts, "previous": previous}
        if len(what.objects) > MOST_OBJECTS:
            record["all_objects"] = {"count": len(what.objects), "digest": _sha256("\n".join(what.objects).encode())}
        line = json.dumps(record | {"digest": _digest(record)}, sort_keys=True).encode() + b"\n"
        _write(descriptor, (b"\n" if is_torn else b"") + line)
    except OSError as error:
        raise disk_error(error) from error
    finally:
        os.close(descriptor)
    return number


def redact(home: Path, pattern: re.Pattern[str]) -> int:
    """Write :data:`REDACTED` in place of the objects that ``pattern`` matches, and the chain anew from the first such
    line on; return in how many lines. The log is replaced atomically; what a kill once cut off is left out."""
    if not any(pattern.search(name) for record in read_log(home) for name in record["objects"]):
        return 0
    descriptor = _opened(home / LOG)
    try:
        previous, count, lines = FIRST, 0, []
        records = read_log(home)
        places = {record["number"]: place for place, record in enumerate(records, 1)}
        for record in records:
            objects = [REDACTED if pattern.search(name) else name for name in record["objects"]]
            count += objects != record["objects"]
            record |= {"objects": objects, "number": places[record["number"]], "previous": previous}
            record |= {"begun": places.get(record["begun"], record["begun"])}
            del record["digest"]
            line = json.dumps(record | {"digest": _digest(record)}, sort_keys=True).encode()
            previous = _sha256(line)
            lines.append(line)
        with atomic_path(home / LOG, private=True) as file:
            file.write_bytes(b"".join(line + b"\n" for line in lines))
    finally:
        os.close(descriptor)
    return count


def _opened(path: Path) -> int:
    """Return a descriptor of the log at ``path``, locked; not of a file that was replaced meanwhile."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                return descriptor
        os.close(descriptor)


@dataclass(frozen=True)
class Chain:
    """The result of a look at the log: how many lines hold, the digest of the last one, the first line that does not
    (None: all do) with what is wrong with it, and the lines that a kill or a full disk cut off."""

    lines: int
    last: str
    broken: int | None = None
    what: str = ""
    torn: tuple[int, ...] = ()


def check_chain(home: Path) -> Chain:
    """Return whether the audit log of ``home`` is whole. A line that was cut off while it was written is not broken:
    the line after it holds the digest of what was left of it."""
    if not (home / LOG).exists():
        return Chain(0, FIRST)
    torn: list[int] = []
    previous, last, count = FIRST, FIRST, 0
    content = (home / LOG).read_bytes()
    lines = content.split(b"\n")
    is_cut = bool(lines[-1])
    for place, line in enumerate(lines if is_cut else lines[:-1], 1):
        record = _parsed(line)
        if record is None and ((is_cut and place == len(lines)) or _follows(lines, place, line)):
            torn.append(place)
        elif record is None:
            return Chain(count, last, place, "it was changed", tuple(torn))
        elif record["previous"] != previous or record["number"] != place:
            return Chain(count, last, place, "a line before it is missing, or was changed", tuple(torn))
        else:
            last = str(record["digest"])
        previous, count = _sha256(line), place
    return Chain(count, last, torn=tuple(torn))


def read_log(home: Path) -> list[dict[str, Any]]:
    """Return the lines of the log that can be read, the first one first."""
    if not (home / LOG).exists():
        return []
    found = (_parsed(line) for line in (home / LOG).read_bytes().split(b"\n"))
    return [record for record in found if record is not None]


def is_unfinished(home: Path, command: str) -> bool:
    """Return whether the last ``command`` that the log of ``home`` names was killed, failed, or still works."""
    events = [record["event"] for record in read_log(home) if record["command"] == command]
    return bool(events) and events[-1] != "done"


def user() -> str:
    """Return the name of the user of the operating system, whatever the environment says; else the number."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _follows(lines: list[bytes], place: int, line: bytes) -> bool:
    """Return whether the line after ``line`` (the ``place``-th) was written onto it as it is."""
    after = _parsed(lines[place]) if place < len(lines) else None
    return after is not None and after["previous"] == _sha256(line)


def _end(descriptor: int) -> tuple[int, str, bool]:
    """Return the number of the next line, the digest of the last one, and whether that one was cut off."""
    size = os.fstat(descriptor).st_size
    if not size:
        return 1, FIRST, False
    tail = os.pread(descriptor, TAIL_BYTES, max(0, size - TAIL_BYTES))
    is_torn = not tail.endswith(b"\n")
    line = (tail if is_torn else tail[:-1]).rpartition(b"\n")[2]
    record = _parsed(line)
    number = int(record["number"]) if record else _count_lines(descriptor)
    return number + 1, _sha256(line), is_torn


def _count_lines(descriptor: int) -> int:
    """Return the number of lines, the last one counted where it was cut off."""
    content = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
    return content.count(b"\n") + (not content.endswith(b"\n"))


def _parsed(line: bytes) -> dict[str, Any] | None:
    """Return the record of ``line``; None where it is none, or not as it was written."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    if not isinstance(record, dict) or not {"digest", "previous", "number"} <= record.keys():
        return None
    rest = {name: value for name, value in record.items() if name != "digest"}
    return record if _digest(rest) == record["digest"] else None


def _digest(record: Mapping[str, Any]) -> str:
    return _sha256(json.dumps(record, sort_keys=True).encode())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _write(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]
    os.fsync(descriptor)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
