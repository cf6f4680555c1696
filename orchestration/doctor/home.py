"""The files of the home, its key, and the inputs."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from assets.sources.dicom_archive import archive_files
from assets.sources.ehr_extract import extract_files
from assets.sources.embedded import is_written
from echomort.core.audit import LOG, check_chain, is_unfinished
from echomort.core.errors import UserError
from echomort.core.keys import KEY_ID_FILE, check_key, load_keyring
from echomort.settings import Settings
from orchestration.doctor.finding import ERASE_AGAIN, UNERASED, Finding, failed_with, fails, ok, warns

PRIVATE = ("vault.duckdb", "vault.duckdb.wal", "warehouse.duckdb", "warehouse.duckdb.wal", LOG)
"""Files of the home that only their owner may read."""

OTHERS = stat.S_IRWXG | stat.S_IRWXO
"""All rights of others than the owner."""


def permissions(home: Path) -> Iterator[Finding]:
    """Yield what others than its owner may read or write of the home, and whether its owner may write."""
    wrong = []
    if not os.access(home, os.W_OK):
        wrong.append(fails("permissions", "the home can't be written to", "make it writable for this user"))
    for path, mode in [(home, "700"), *((home / name, "600") for name in PRIVATE)]:
        if path.exists() and path.stat().st_mode & OTHERS:
            named = "the home" if path == home else path.name
            wrong.append(fails("permissions", f"others can read {named}", f"chmod {mode} {path}"))
    yield from wrong or [ok("permissions", "home, vault, warehouse and audit log are their owner's alone")]


def audit_log(home: Path) -> Finding:
    """Return whether the chain of the audit log holds."""
    try:
        chain = check_chain(home)
    except OSError as error:
        return fails("audit log", f"{LOG} can't be read ({error.strerror})", "make it readable for this user")
    if chain.broken is not None:
        remedy = f"find out who changed {LOG}, and keep it; restore it from a backup"
        return fails("audit log", f"line {chain.broken} of {LOG} does not hold: {chain.what}", remedy)
    words = f"{chain.lines} lines, each holds the one before; the last is {chain.last[:16]}" if chain.lines else "empty"
    if chain.torn:
        torn = ", ".join(map(str, chain.torn))
        return warns(
            "audit log", f"cut off by a kill or a full disk: line {torn}; else whole", "nothing: what was left is held"
        )
    return ok("audit log", words)


def erasure(home: Path) -> Iterator[Finding]:
    """Yield whether the last erasure ended, if there was one: a run makes the rest anew, and no trace goes by it."""
    if is_unfinished(home, "erase"):
        yield fails("erasure", UNERASED, ERASE_AGAIN)


def key(settings: Settings) -> Finding:
    """Return whether there is a key, readable by its owner alone, and whether it is that of the home."""
    try:
        keyring = load_keyring(settings.privacy.key_file, settings.is_synthetic)
        check_key(settings.home, keyring)
    except UserError as error:
        return failed_with("key", error)
    if keyring.is_public:
        return ok("key", "the public one of the synthetic archive")
    known = "that of the home" if (settings.home / KEY_ID_FILE).exists() else "the first run will note it"
    return ok("key", f"key id {keyring.key_id}, {known}")


def sources(settings: Settings) -> Iterator[Finding]:
    """Yield whether the echo files and the health records can be reached."""
    if not is_written(settings):
        yield ok("sources", "the synthetic archive; the next run writes it")
        return
    yield _reached("echo files", lambda: f"{len(archive_files(settings))} files")
    if settings.ehr_root:
        yield _reached("health records", lambda: f"{len(extract_files(settings))} files")
    if settings.sources.postgresql:
        yield _reached("database", lambda: _connected(settings))


def _connected(settings: Settings) -> str:
    from warehouse.adapters.postgresql import snapshot

    assert settings.sources.postgresql is not None
    with snapshot(settings.sources.postgresql):
        return "it answers"


def _reached(item: str, look: Callable[[], str]) -> Finding:
    try:
        return ok(item, look())
    except UserError as error:
        return failed_with(item, error)
    except OSError as error:  # its own words name a folder of the archive
        return fails(item, f"can't be read ({error.strerror})", "make them readable for this user")
