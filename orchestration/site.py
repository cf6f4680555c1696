"""What a site's configuration needs: each answer is checked by a look at what it names, and all are written at once."""

import functools
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from echomort.core.errors import UserError
from echomort.core.files import atomic_path, write_text
from echomort.core.keys import KEY_BYTES, KEY_ID_FILE, KEY_VARIABLE, check_key, load_keyring
from echomort.core.listing import list_files
from echomort.dicom.header.parsing import read_header
from echomort.dicom.reasons import Reason, Rejected
from echomort.settings import PRESETS, Settings, as_yaml, validate
from warehouse.adapters.recognition import Recognition, guess_encoding, read_with, recognise

LOOKED_AT = 20
"""Files whose header is read, spread over the folders. Our choice: a second even on a slow disk."""

NO_DICOM = frozenset({Reason.NOT_DICOM, Reason.UNREADABLE_FILE})
"""Reasons of files that can't be told to be DICOM."""

NONE = "-"
"""The answer to a question that a site may leave open."""

PILOT = "pilot"
"""The preset of a site with few deaths."""

PRESET_WORDS = "standard, pilot (fewer than 100 deaths: docs/pilot.md), or paper: the method's own recipe"
"""The presets of a site; 100 is training.min_deaths of ``standard``, where models of views begin."""

Answers = Mapping[str, Any]


@dataclass(frozen=True)
class Checked:
    """An answer as settings take it (None: left open), and in one line what was found there."""

    value: Any
    found: str = ""


@dataclass(frozen=True)
class Question:
    """One thing that a site decides.

    ``check`` returns the answer or raises :class:`UserError`. ``suggest`` returns the answer that a person may just
    confirm (None, or :class:`UserError` with the reason, if there is none); ``otherwise`` is taken where nobody can be
    asked: None if the answer must be given then. ``wanted`` says what to type to a person who typed nothing.
    """

    name: str
    text: str
    check: Callable[[str, Answers], Checked]
    suggest: Callable[[Answers], str | None] = field(default=lambda _: None)
    otherwise: Callable[[Answers], str] | None = None
    wanted: str = "type an answer, or Ctrl-C to end"


def check_archive(text: str, _: Answers) -> Checked:
    """Return the folder of the echo files, of which some were looked at, or the address of object storage."""
    if "://" in text and not text.startswith("file://"):
        from echomort.sources.mirror import list_remote

        settings = validate({"sources": {"dicom": text}})
        return Checked(text, f"{len(list_remote(str(settings.sources.dicom), 'sources.dicom'))} objects")
    from assets.imaging.link_workbench import spread

    folder = _folder(text)
    files = list_files(folder, "sources.dicom")
    reasons = [_rejection(folder / file.path) for file in spread(files, LOOKED_AT)]
    dicom = sum(reason not in NO_DICOM for reason in reasons)
    if not dicom:
        raise UserError(f"none of {len(reasons)} files looked at in {folder} is DICOM", "name the folder of echo files")
    loops = reasons.count(None)
    found = (
        f"{len(files)} files; of {len(reasons)} looked at, {dicom} are DICOM, and {loops} cine loops by their header"
    )
    return Checked(str(folder), found if loops else f"{found}; `echomort inspect` says why none is")


def _rejection(path: Path) -> Reason | None:
    try:
        read_header(path)
    except Rejected as rejected:
        return rejected.reason
    return None


def check_records(text: str, _: Answers) -> Checked:
    """Return the folder of the health records."""
    folder = _folder(text)
    count = len(list_files(folder, "sources.ehr"))
    return Checked(str(folder), f"{count} file{'' if count == 1 else 's'}")


def check_encoding(text: str, _: Answers) -> Checked:
    """Return the encoding of the records' texts."""
    return Checked(validate({"sources": {"dicom": "/", "encoding": text}}).sources.encoding)


def guessed_encoding(answers: Answers) -> str:
    """Return the encoding of the records' texts, by how they begin."""
    return guess_encoding(Path(answers["ehr"]))


def recognised_adapter(answers: Answers) -> str:
    """Return the adapter that reads the records. Raises :class:`UserError` if there is none."""
    return recognise(Path(answers["ehr"]), answers["encoding"]).adapter


def check_adapter(text: str, answers: Answers) -> Checked:
    """Return the adapter, with which the tables were opened and counted."""
    adapter = text if "/" not in text and not text.startswith(".") else str(_folder(text))
    found = _read(answers["ehr"], adapter, answers["encoding"])
    return Checked(
        adapter, f"{found.patients} patients, {found.deaths} with a death on record, {found.studies} studies"
    )


@functools.cache
def _read(folder: str, adapter: str, encoding: str) -> Recognition:
    return read_with(Path(folder), adapter, encoding)


def check_zone(text: str, _: Answers) -> Checked:
    """Return the name of the hospital's time zone; None if it is left open."""
    if text == NONE:
        return Checked(None, "times with an offset will not be read (docs/data_contract.md)")
    return Checked(validate({"sources": {"dicom": "/", "time_zone": text}}).sources.time_zone)


def machine_zone(_: Answers) -> str | None:
    """Return the time zone of this machine; None if it is that of servers, which is no hospital's."""
    _folder, found, name = os.path.realpath("/etc/localtime").partition("zoneinfo/")
    return name if found and "UTC" not in name and "/" in name else None


def check_day(text: str, answers: Answers) -> Checked:
    """Return the last day whose records the extract has; None if it is left open."""
    if text == NONE:
        return Checked(None, f"the newest change of the extract's files will count as that day, now {_newest(answers)}")
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise UserError("that is no day", "write it as 2024-06-30") from None
    if day > date.today():
        raise UserError("that day is still to come", "write the last day whose records the extract has")
    return Checked(day)


def _newest(answers: Answers) -> date | None:
    """Return the day on which the newest file of the extract changed."""
    from assets.sources.ehr_extract import extract_day

    sources = {"dicom": "/", "ehr": answers["ehr"], "time_zone": answers["time_zone"]}
    return extract_day(validate({"sources": sources}))


def check_key_file(text: str, answers: Answers) -> Checked:
    """Return the file of the key: one that exists and can be used, or the place of a new one."""
    path = Path(text).expanduser().absolute()
    if path.exists():
        check_key(answers["home"], load_keyring(path, synthetic=False))
        return Checked(str(path), "an existing key")
    if (answers["home"] / KEY_ID_FILE).exists():
        raise UserError(f"{answers['home']} was made with a key, and {path} does not exist", "name that key")
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise UserError(f"no file can be made in {path.parent}", "name a file in a folder that you can write to")
    for inside in filter(None, (answers["ehr"], answers["dicom"])):
        if "://" not in inside and path.resolve().is_relative_to(Path(inside).resolve()):
            raise UserError(f"{path} would lie among the inputs", "keep the key apart from what it protects")
    return Checked(str(path), "a new key will be made there, which only you can read")


def check_preset(text: str, answers: Answers) -> Checked:
    """Return the preset, with what so few deaths mean for it."""
    if text not in PRESETS or text == "demo":
        raise UserError(f"{text} is no preset for a site", f"write {PRESET_WORDS}")
    deaths, least = _deaths(answers), _least_deaths(text)
    remedy = "see docs/pilot.md" if text == PILOT else f"take preset {PILOT}"
    few = f"with {deaths} deaths no view has the {least} of training.min_deaths: {remedy}"
    return Checked(text, few if deaths < least else "")


def fitting_preset(answers: Answers) -> str:
    """Return the preset for as many deaths as the records have."""
    return PILOT if _deaths(answers) < _least_deaths("standard") else "standard"


def _deaths(answers: Answers) -> int:
    return _read(answers["ehr"], answers["adapter"], answers["encoding"]).deaths


def _least_deaths(preset: str) -> int:
    """Return the deaths below which ``preset`` trains no view."""
    return validate({"preset": preset, "sources": {"dicom": "/"}}).training.min_deaths


QUESTIONS = (
    Question("dicom", "Folder of the echo files, or an address such as s3://bucket/echo", check_archive),
    Question("ehr", "Folder of the health records", check_records),
    Question(
        "encoding",
        "Encoding of the records' texts (utf-8, or latin-1, which serves for Windows-1252 too)",
        check_encoding,
        guessed_encoding,
        guessed_encoding,
    ),
    Question(
        "adapter",
        "How the records are laid out (canonical, omop, mimic_iv, fhir, meds, or a folder)",
        check_adapter,
        recognised_adapter,
        recognised_adapter,
    ),
    Question(
        "time_zone",
        f"Time zone of the hospital, such as Europe/Berlin ({NONE}: none)",
        check_zone,
        machine_zone,
        lambda _: NONE,
        f"type a name such as Europe/Berlin, or {NONE} for none",
    ),
    Question(
        "extracted_on",
        f"Last day whose records the extract has ({NONE}: the newest change of its files, of each extract anew)",
        check_day,
        lambda _: NONE,
        lambda _: NONE,
    ),
    Question(
        "key",
        "File of the key for pseudonyms: an existing one, or a new one",
        check_key_file,
        lambda answers: str(answers["beside"] / "echomort.key"),
    ),
    Question(
        "preset",
        f"Preset: {PRESET_WORDS}",
        check_preset,
        fitting_preset,
        lambda _: "standard",
    ),
)
"""In the order in which they are asked: a later one sees the answers before it."""


def needs_key() -> bool:
    """Return whether a file of the key is needed: the environment holds none. Raises :class:`UserError` for a key in
    the environment that is too short."""
    if os.environ.get(KEY_VARIABLE):
        load_keyring(None, synthetic=False)
        return False
    return True


def write_site(target: Path, answers: Answers) -> None:
    """Write the configuration to ``target``, and the key if it is new: both, or neither."""
    text = "".join(site_lines(answers))
    key = Path(answers["key"]) if answers["key"] else None
    is_new = key is not None and not key.exists()
    try:
        if key and is_new:
            with atomic_path(key, private=True) as temporary:
                temporary.write_text(f"{secrets.token_hex(KEY_BYTES)}\n")
        write_text(target, text)
    except BaseException:  # an interruption too
        if key and is_new:
            key.unlink(missing_ok=True)
        raise


def site_lines(answers: Answers) -> Iterator[str]:
    """Yield the lines of the configuration, each setting with its meaning; what was left open is a comment."""
    yield "# Settings of this site, written by `echomort init`. Every setting: docs/settings.md; those in use:\n"
    yield "# `echomort config show`. Records in PostgreSQL: docs/adapters.md.\n"
    yield _line("preset", answers["preset"], f"{PRESET_WORDS} (docs/method.md)", "")
    yield "sources:\n"
    yield _line("dicom", answers["dicom"], "echo files, at any depth")
    yield _line("ehr", answers["ehr"], "health records (docs/data_contract.md)")
    yield _line("adapter", answers["adapter"], "how they are laid out (docs/adapters.md)")
    yield _line("encoding", answers["encoding"], "of their texts: utf-8 or latin-1")
    yield _line("time_zone", answers["time_zone"], "of the hospital: times with an offset are converted to it")
    yield _line("extracted_on", answers["extracted_on"], "last day whose records the extract has")
    yield "privacy:\n" if answers["key"] else "# privacy:\n"
    yield _line("key_file", answers["key"], "secret, mode 0600 (or ECHOMORT_KEY): back it up, keep it to yourself")


def _line(key: str, value: Any, meaning: str, indent: str = "  ") -> str:
    setting = f"# {key}:" if value is None else f"{key}: {as_yaml(value)}"
    return f"{indent}{setting}  # {meaning}\n"


def site_settings(answers: Answers) -> Settings:
    """Return the settings that the configuration gives. Raises :class:`UserError` if they do not go together."""
    import yaml

    return validate(yaml.safe_load("".join(site_lines(answers))))


def _folder(text: str) -> Path:
    folder = Path(text.removeprefix("file://")).expanduser().absolute()
    if not folder.is_dir():
        raise UserError(f"{folder} {'is a file' if folder.exists() else 'does not exist'}", "name an existing folder")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise UserError(f"{folder} can't be read", "give yourself read permission to it")
    return folder
