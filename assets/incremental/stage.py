"""What decides an asset: its inputs and its recipe.

A *stage* names an asset's inputs (the assets above it, files) and its *recipe*: a part of the settings, the code that
its work can reach, and the libraries that it uses. The digest of both is a unit's *fingerprint*. A unit is stale if its
fingerprint differs from the one in the ledger. The data version of an asset is the digest of its content: if it comes
out the same, nothing below it is rebuilt.
"""

import functools
import os
import stat
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import dagster as dg
import duckdb
import pydantic

from assets.project import Project
from echomort.core.code import Code, Reached, keep_meanings
from echomort.core.digests import file_digests
from echomort.core.fingerprint import digest
from echomort.core.registry import code_of_packages
from echomort.settings import Settings
from warehouse import ledger, queries
from warehouse.ledger import Entry

CODE = Code()
"""The installed code of the product; read once in each process."""

_WORK: dict[str, tuple[Callable[..., Any], ...]] = {}
"""Name of a stage -> the functions that do its work."""


@dataclass(frozen=True)
class Stage:
    """What decides the content of the asset ``name``: assets above, settings, inputs outside the graph, and code.

    ``decided_by`` returns the settings by key. ``chosen`` returns, by folder, the registered things that the settings
    select; others in that folder do not count. ``files`` returns the files that a setting names, by what a person calls
    them, each with the digest of what it means: they count as code does. ``inputs`` returns what is read from outside
    the graph. ``on_request`` returns whether the asset is made only where a person asks for it. The code is derived
    from the functions that do the work (:meth:`carried_out_by`): their imports, SQL files and libraries.
    """

    name: str
    upstream: tuple[str, ...] = ()
    decided_by: Callable[[Settings], Mapping[str, Any]] = field(default=lambda settings: {})
    inputs: Callable[[Project], Any] = field(default=lambda project: None)
    chosen: Callable[[Settings], Mapping[str, Sequence[str]]] = field(default=lambda settings: {}, kw_only=True)
    files: Callable[[Settings], Mapping[str, str]] = field(default=lambda settings: {}, kw_only=True)
    on_request: Callable[[Settings], bool] = field(default=lambda settings: False, kw_only=True)
    makes: tuple[str, ...] = field(default=(), kw_only=True)

    @property
    def assets(self) -> tuple[str, ...]:
        """The assets that the stage makes: ``makes``, or by default the asset with the name of the stage."""
        return self.makes or (self.name,)

    def carried_out_by(self, *functions: Callable[..., Any]) -> None:
        """Declare the functions that do the work of the stage. Of a partial function, the function and those that it
        is given count."""
        _WORK[self.name] = tuple(one for function in functions for one in _parts(function))

    @property
    def functions(self) -> tuple[Callable[..., Any], ...]:
        """The functions that do the work of the stage."""
        return _WORK[self.name]

    def reached(self, settings: Settings | None = None) -> Reached:
        """Return the code that decides the asset with ``settings``; with None, for all possible settings."""
        chosen = self.chosen(settings) if settings else {}
        return _reached(self.name, tuple((folder, tuple(names)) for folder, names in sorted(chosen.items())))

    @property
    def code(self) -> str:
        """Digest of the code that can decide the asset, libraries included."""
        reached = self.reached()
        return digest(dict(reached.parts), dict(reached.libraries))

    def recipe(self, settings: Settings) -> dict[str, str]:
        """Return all that decides the asset except its inputs: part -> digest, or version of a library."""
        reached = self.reached(settings)
        parts = {f"library {name}": version for name, version in reached.libraries.items()}
        for folder in reached.registries:
            named = self.chosen(settings).get(folder)
            parts |= _packages(folder, None if named is None else tuple(named))
        parts |= {f"setting {key}": digest(value) for key, value in flat(self.decided_by(settings))}
        parts |= {f"file {name}": meaning for name, meaning in self.files(settings).items()}
        return dict(reached.parts) | parts

    def made_from(self, connection: duckdb.DuckDBPyConnection, project: Project) -> dict[str, str]:
        """Return the digests of the asset's inputs: of the assets above, and of inputs outside the graph."""
        parts = {name: ledger.asset_digest(connection, name) for name in self.upstream}
        outside = self.inputs(project)
        return parts if outside is None else parts | {"input": digest(outside)}

    def fingerprint(self, connection: duckdb.DuckDBPyConnection, project: Project) -> str:
        """Return the fingerprint that the ledger holds if the asset (rebuilt as a whole) is up to date."""
        return digest(digest(self.recipe(project.settings)), self.made_from(connection, project))

    def working(self) -> AbstractContextManager[None]:
        """Allow the block to run only the SQL files that the stage's code names."""
        return queries.only(self.reached().sql)


def _parts(function: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    if isinstance(function, functools.partial):
        yield function.func
        yield from filter(callable, function.args)
    else:
        yield function


def flat(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted key, value) of every setting in ``value``: sections, mappings and plain values."""
    if isinstance(value, pydantic.BaseModel):
        value = value.model_dump(mode="json")
    if not isinstance(value, Mapping):
        yield key, value
        return
    for name, inner in value.items():
        yield from flat(inner, f"{key}.{name}" if key else str(name))


@functools.cache
def _reached(stage: str, chosen: tuple[tuple[str, tuple[str, ...]], ...]) -> Reached:
    functions = [function for function in _WORK[stage] if function.__name__ != "<lambda>"]
    reached = CODE.reached([(function.__module__, function.__name__) for function in functions], dict(chosen))
    keep_meanings()
    return reached


@functools.cache
def _packages(folder: str, names: tuple[str, ...] | None) -> dict[str, str]:
    return {f"package {name}": code for name, code in code_of_packages(folder, names).items()}


OWNERS = {
    "sources": "team:data",
    "records": "team:records",
    "imaging": "team:imaging",
    "training": "team:models",
    "evaluation": "team:models",
    "experiments": "team:models",
    "serving": "team:models",
    "prediction": "team:models",
}


def described(stage: Stage, group: str, *kinds: str, pool: str | None = None) -> dict[str, Any]:
    """Return the arguments that declare the asset of ``stage`` to Dagster.

    Its dependencies are those of the stage, so that the graph and the fingerprint agree.
    """
    about = {"name": stage.name, "group_name": group, "kinds": set(kinds), "owners": [OWNERS[group]]}
    return about | {"deps": list(stage.upstream), "code_version": stage.code, "pool": pool}


def is_up_to_date(root: Path, entry: Entry, fingerprint: str | None) -> bool:
    """Return whether ``entry`` is of ``fingerprint``, and all its files are there."""
    return entry.fingerprint == fingerprint and not missing_files(root, entry)


def missing_files(root: Path, entry: Entry) -> list[str]:
    """Return the files of ``entry`` that are not there: its artifact, and those recorded beside it."""
    files = [*filter(None, [entry.artifact]), *entry.details.get("beside", ())]
    return [file for file in files if not _is_there(os.path.join(root, file))]


def _is_there(path: str) -> bool:
    """Return whether there is a file, or a folder that is not empty. The system is asked once for each file."""
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    return not stat.S_ISDIR(mode) or bool(os.listdir(path))


REWRITTEN = ("registry/", "vault.duckdb")
"""Beginnings of the paths of files that change after their commit: `echomort verify` knows them in other ways."""


def committed_files(root: Path, entry: Entry) -> dict[str, str]:
    """Return path -> SHA-256 of the files of ``entry``, to record with it; not of those that are :data:`REWRITTEN`."""
    files = [*filter(None, [entry.artifact]), *entry.details.get("beside", ())]
    return file_digests(root, [file for file in files if not file.startswith(REWRITTEN)])


def picture(name: str, png: bytes) -> dg.MetadataValue[Any]:
    """Return a PNG as metadata that Dagster's page shows."""
    return dg.MetadataValue.md(f"![{name}](data:image/png;base64,{b64encode(png).decode()})")


Result: TypeAlias = dg.MaterializeResult[Any]
"""What Dagster records for an asset: its data version and its metadata."""


def materialized(name: str, entry: Entry, rebuilt: bool, table: Mapping[str, Any]) -> Result:
    """Return what Dagster records for an asset that is up to date; ``table`` is the metadata of its table."""
    shown = {key: value for key, value in entry.details.items() if key not in ("made_from", "beside")}
    return dg.MaterializeResult(
        asset_key=name, data_version=dg.DataVersion(entry.digest), metadata={**shown, "rebuilt": rebuilt, **table}
    )
