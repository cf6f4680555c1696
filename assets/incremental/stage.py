"""What decides an asset: its inputs and its recipe.

A *stage* names an asset's inputs (the assets above it, files) and its *recipe*: a part of the settings, the code that
its work can reach, the libraries that compute it. The digest of both is a unit's *fingerprint*; the ledger holds the
fingerprints of what is there; what differs is stale. The data version of an asset is the digest of its content, so that
a result that comes out the same stops the rebuild there.
"""

import functools
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
from echomort.core.fingerprint import digest
from echomort.core.registry import code_of_packages
from echomort.settings import Settings
from warehouse import ledger, queries
from warehouse.ledger import Entry

CODE = Code()
"""The product's code as it is installed; read once a process."""

_WORK: dict[str, tuple[Callable[..., Any], ...]] = {}
"""Stage -> the functions that carry it out."""


@dataclass(frozen=True)
class Stage:
    """What decides the content of the asset ``name``: assets above, settings, inputs outside the graph, and code.

    ``decided_by`` returns the settings, by key; ``chosen`` those registered things, by their folder, that the settings
    choose, where the others do not count. The code is derived from the functions that carry the stage out
    (:meth:`carried_out_by`): what they import, the SQL files they run, and the libraries that compute it.
    """

    name: str
    upstream: tuple[str, ...] = ()
    decided_by: Callable[[Settings], Mapping[str, Any]] = field(default=lambda settings: {})
    inputs: Callable[[Project], Any] = field(default=lambda project: None)
    chosen: Callable[[Settings], Mapping[str, Sequence[str]]] = field(default=lambda settings: {}, kw_only=True)
    makes: tuple[str, ...] = field(default=(), kw_only=True)

    @property
    def assets(self) -> tuple[str, ...]:
        """The assets that the stage makes: those it ``makes``, else the one of its own name."""
        return self.makes or (self.name,)

    def carried_out_by(self, *functions: Callable[..., Any]) -> None:
        """Say which functions carry the stage out."""
        _WORK[self.name] = functions

    @property
    def functions(self) -> tuple[Callable[..., Any], ...]:
        """The functions that carry the stage out."""
        return _WORK[self.name]

    def reached(self, settings: Settings | None = None) -> Reached:
        """Return the code that decides the asset: under ``settings``, or under any."""
        chosen = self.chosen(settings) if settings else {}
        return _reached(self.name, tuple((folder, tuple(names)) for folder, names in sorted(chosen.items())))

    @property
    def code(self) -> str:
        """Digest of the code that can decide the asset, libraries included."""
        reached = self.reached()
        return digest(dict(reached.parts), dict(reached.libraries))

    def recipe(self, settings: Settings) -> dict[str, str]:
        """Return what decides the asset apart from its inputs: part -> digest, or version of a library."""
        reached = self.reached(settings)
        parts = {f"library {name}": version for name, version in reached.libraries.items()}
        for folder in reached.registries:
            named = self.chosen(settings).get(folder)
            parts |= _packages(folder, None if named is None else tuple(named))
        parts |= {f"setting {key}": digest(value) for key, value in flat(self.decided_by(settings))}
        return dict(reached.parts) | parts

    def made_from(self, connection: duckdb.DuckDBPyConnection, project: Project) -> dict[str, str]:
        """Return the asset's inputs: digests of the assets above, and of inputs outside the graph."""
        parts = {name: ledger.asset_digest(connection, name) for name in self.upstream}
        outside = self.inputs(project)
        return parts if outside is None else parts | {"input": digest(outside)}

    def fingerprint(self, connection: duckdb.DuckDBPyConnection, project: Project) -> str:
        """Return what the ledger holds of the asset, rebuilt as a whole, when it is up to date."""
        return digest(digest(self.recipe(project.settings)), self.made_from(connection, project))

    def working(self) -> AbstractContextManager[None]:
        """Let the block run the SQL files that the stage's code names, and no others."""
        return queries.only(self.reached().sql)


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
    "serving": "team:models",
    "prediction": "team:models",
}


def described(stage: Stage, group: str, *kinds: str, pool: str | None = None) -> dict[str, Any]:
    """Return the arguments by which Dagster declares the asset of ``stage``.

    What the asset depends on is what decides it: the graph and the fingerprint can't differ.
    """
    about = {"name": stage.name, "group_name": group, "kinds": set(kinds), "owners": [OWNERS[group]]}
    return about | {"deps": list(stage.upstream), "code_version": stage.code, "pool": pool}


def is_up_to_date(root: Path, entry: Entry, fingerprint: str | None) -> bool:
    return entry.fingerprint == fingerprint and (entry.artifact is None or (root / entry.artifact).exists())


Result: TypeAlias = dg.MaterializeResult[Any]
"""What Dagster records of an asset: its data version and what to show."""


def materialized(name: str, entry: Entry, rebuilt: bool) -> Result:
    """Return what Dagster shows of an asset that is up to date."""
    shown = {key: value for key, value in entry.details.items() if key != "made_from"}
    return dg.MaterializeResult(
        asset_key=name, data_version=dg.DataVersion(entry.digest), metadata={**shown, "rebuilt": rebuilt}
    )
