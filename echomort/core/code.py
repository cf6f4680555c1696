"""The code that decides a result, derived from what it imports, names and runs; compared by meaning, not by layout.

A result is decided by the definitions that made it. :meth:`Code.reached` follows them: a definition of the graph's
assets is followed name by name, a module of ``echomort`` or ``warehouse`` as a whole with every import in it, lazy ones
too. SQL and data files count where the code names them, modules where a child process runs them (``-m``), the compiled
loops by their C or C++ source. Of the settings only the sections that the code imports count, and not what gathers
them: their values are a part of every fingerprint anyway. Nothing here imports the code that it reads.
"""

import ast
import contextlib
import functools
import itertools
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from echomort.core.errors import UserError
from echomort.core.files import write_text
from echomort.core.fingerprint import digest
from echomort.core.registry import modules_in

PACKAGES = ("echomort", "warehouse", "assets")
"""The packages whose code can decide a result."""
SQL_PACKAGE = "warehouse"
"""The package that SQL files are named from."""
BY_DEFINITION = ("assets", "echomort.settings")
"""Modules that many results share, followed definition by definition; all others count as a whole."""
SETTINGS = "echomort.settings"
"""Of these only the sections count as code."""
NOT_FOLLOWED = ("assets.incremental", "echomort.core.code")
"""These plan and record work and compute nothing of a result."""
DATA = re.compile(r"[\w*./-]*\.(?:sql|csv|yaml|html|css|j2)")
"""A text that may name a file of the product."""
NOT_DECIDING = {
    "dagster": "moves work about",
    "dagster_pipes": "carries progress",
    "fsspec": "fetches bytes that are counted as input",
    "pebble": "starts processes",
    "pydantic": "checks settings, whose values count",
    "rich": "draws on the terminal",
    "typer": "reads the command line",
    "yaml": "parses tables that count as files",
}
"""Libraries that compute nothing of a result, each with the reason."""
DISTRIBUTIONS = {
    "sklearn": "scikit-learn",
    "PIL": "pillow",
    "xgboost": "xgboost-cpu",
    "great_expectations": "great-expectations",
    "cv2": "opencv-python-headless",
}
"""Import name -> the name by which it is installed, where the two differ."""
C_SUFFIXES = (".c", ".cpp")
"""Of the sources of compiled modules."""
CACHE = Path(__file__).parent / "__pycache__" / "meanings.json"
"""What files mean, by the SHA-256 of their bytes: as safe as reading them, and as easily lost as Python's own cache."""

Symbol = tuple[str, str | None]
"""A module and one of its definitions, or None for the whole of it."""


@dataclass(frozen=True)
class Meaning:
    """What a piece of code says: ``digest`` without layout, comments and docstrings; ``uses``, its imports as [module,
    name or None]; the ``names`` it reads; ``texts`` that may be files; the modules that it ``runs`` in a process."""

    digest: str
    uses: list[list[str | None]]
    names: list[str]
    texts: list[str]
    runs: list[str]
    registries: list[str]
    """Folders whose modules a :class:`echomort.core.registry.Registry` finds."""


@dataclass(frozen=True)
class Module:
    """A Python file: its meaning as a whole, and that of each of its top-level definitions."""

    whole: Meaning
    definitions: Mapping[str, Meaning]
    imports: Mapping[str, list[str | None]]
    """Name -> [module, name in it or None], as bound by the imports at the top."""
    sections: frozenset[str]
    """Of the settings: the classes that are sections."""
    is_face: bool
    """Whether it does nothing but import for others: names are then followed through it."""


@dataclass(frozen=True)
class Reached:
    """What decides a result: ``parts`` (name of a file or definition -> digest), ``sql`` files below ``warehouse`` and
    ``libraries`` (name -> version)."""

    parts: Mapping[str, str]
    sql: frozenset[str]
    libraries: Mapping[str, str]
    registries: frozenset[str] = frozenset()
    """Folders of registered things, which are also groups of entry points."""


class Code:
    """The product's code below ``root``, the folder that holds its packages (default: this one's)."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or Path(__file__).parents[2]
        self._modules: dict[str, Module | None] = {}
        self._files: dict[str, str] = {}
        self._named: dict[tuple[str, str], list[Path]] = {}
        self._paths: dict[str, Path | None] = {}
        self._sources: dict[str, str | None] = {}

    def reached(self, symbols: Iterable[Symbol], chosen: Mapping[str, Sequence[str]] | None = None) -> Reached:
        """Return what the definitions ``symbols`` can reach. Raises :class:`ValueError` where one does not exist.

        Of a folder of registered things, or of files, all count, or those that ``chosen`` names for it.
        """
        walk = _Walk(self, chosen or {})
        for module, name in symbols:
            if self.module(module) is None:
                raise ValueError(f"there is no module {module}")
            walk.visit(module, name)
        return Reached(
            dict(sorted(walk.parts.items())), frozenset(walk.sql), libraries(walk.external), frozenset(walk.registries)
        )

    def module(self, name: str) -> Module | None:
        """Return the module ``name`` of the product, or None where there is none."""
        if name not in self._modules:
            path = self.path(name)
            self._modules[name] = self._read(path) if path else None
        return self._modules[name]

    def _read(self, path: Path) -> Module:
        try:
            return _read_module(path.read_bytes())
        except (SyntaxError, ValueError) as error:
            place = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
            what = error.msg if isinstance(error, SyntaxError) else str(error)
            problem = f"{self.relative(path)}{place} is no Python ({what})"
            raise UserError(problem, "correct the file, or install echomort again") from error

    def path(self, module: str) -> Path | None:
        """Return the file of ``module``, or None where it is not of the product."""
        if module not in self._paths:
            base = self.root.joinpath(*module.split("."))
            files = (base.with_suffix(".py"), base / "__init__.py") if module.partition(".")[0] in PACKAGES else ()
            self._paths[module] = next((path for path in files if path.is_file()), None)
        return self._paths[module]

    def relative(self, path: Path) -> str:
        """Return ``path`` relative to the root, with slashes."""
        return str(path)[len(str(self.root)) + 1 :].replace(os.sep, "/")

    def compiled_source(self, module: str) -> str | None:
        """Return the source (C or C++) of a compiled ``module``, relative to the root, or None where it is none."""
        if module not in self._sources:
            base = self.root.joinpath(*module.split("."))
            source = next((path for path in map(base.with_suffix, C_SUFFIXES) if path.is_file()), None)
            self._sources[module] = self.relative(source) if source else None
        return self._sources[module]

    def file_digest(self, relative: str) -> str:
        """Return the digest of what the file ``relative`` to the root means."""
        if relative not in self._files:
            self._files[relative] = digest(file_meaning(self.root / relative))
        return self._files[relative]

    def files_named(self, module: str, text: str) -> list[Path]:
        """Return the product's files that ``text`` in ``module`` can mean; ``*`` stands for what is filled in."""
        key = module, text
        if key not in self._named:
            self._named[key] = sorted(self._matches(module, text))
        return self._named[key]

    def _matches(self, module: str, text: str) -> set[Path]:
        path = self.path(module)
        suffix = Path(text).suffix
        if path is None or text.strip("*./-") in {"", suffix.strip(".")}:
            return set()
        bases = {path.parent, self.root / module.partition(".")[0]} | (
            {self.root / SQL_PACKAGE} if suffix == ".sql" else set()
        )
        found = {file for base in bases for file in base.glob(text.lstrip("/"))}
        found |= set(path.parent.rglob(text)) if "/" not in text else set()
        folders = {file.parent for file in found if file.parent.name == "templates"}
        return found | {file for folder in folders for file in folder.iterdir() if file.is_file()}


@dataclass
class _Walk:
    """One walk over the code: what it saw so far."""

    code: Code
    chosen: Mapping[str, Sequence[str]]
    parts: dict[str, str] = field(default_factory=dict)
    sql: set[str] = field(default_factory=set)
    external: set[str] = field(default_factory=set)
    seen: set[Symbol] = field(default_factory=set)
    registries: set[str] = field(default_factory=set)

    def visit(self, module: str, name: str | None) -> None:
        """Follow ``name`` of ``module`` (None: all of it)."""
        if (module, name) in self.seen or _is_of(module, NOT_FOLLOWED):
            return
        self.seen.add((module, name))
        found = self.code.module(module)
        if found is None:
            self._outside(module)
        elif name is not None and self.code.module(f"{module}.{name}"):
            self.visit(f"{module}.{name}", None)
        elif name is not None and self._compiled(f"{module}.{name}"):
            return
        elif name in found.imports and (found.is_face or name not in found.definitions):
            self._follow(found.imports[str(name)])
        elif _is_of(module, BY_DEFINITION):
            self._visit_definition(module, found, name)
        else:
            self._visit_whole(module, found)

    def _follow(self, target: list[str | None]) -> None:
        self.visit(str(target[0]), target[1])

    def _outside(self, module: str) -> None:
        top = module.partition(".")[0]
        if top in PACKAGES:
            self._compiled(module)
        elif top not in sys.stdlib_module_names and top not in NOT_DECIDING:
            self.external.add(top)

    def _compiled(self, module: str) -> bool:
        """Add the source of ``module`` where it is a compiled one; return whether it is."""
        source = self.code.compiled_source(module)
        if source:
            self.parts[f"file {source}"] = self.code.file_digest(source)
        return source is not None

    def _visit_whole(self, module: str, found: Module) -> None:
        path = self.code.path(module)
        assert path is not None
        self.parts[f"file {self.code.relative(path)}"] = found.whole.digest
        self._follow_meaning(module, found.whole)

    def _visit_definition(self, module: str, found: Module, name: str | None) -> None:
        if name is None:
            for one in found.definitions:
                self.visit(module, one)
        elif name in found.definitions and (not module.startswith(SETTINGS) or name in found.sections):
            self._add_definition(module, found, name)

    def _add_definition(self, module: str, found: Module, name: str) -> None:
        part = f"definition {module}.{name}"
        if part in self.parts or name == "Settings":
            return
        meaning = found.definitions[name]
        self.parts[part] = meaning.digest
        self._follow_meaning(module, meaning)
        for used in meaning.names:
            if used in found.definitions:
                self._add_definition(module, found, used)
            elif used in found.imports:
                self._follow(found.imports[used])

    def _follow_meaning(self, module: str, meaning: Meaning) -> None:
        for target in meaning.uses:
            self._follow(target)
        for run in meaning.runs:
            if self.code.module(run):
                self._child(run)
        for text in meaning.texts:
            for file in self.code.files_named(module, text):
                folder = self.code.relative(file.parent).replace("/", ".")
                if file.stem in self.chosen.get(folder, (file.stem,)):
                    self._add_file(file)
        for folder in meaning.registries:
            self._follow_registry(folder)

    def _follow_registry(self, folder: str) -> None:
        path = self.code.path(folder)
        if path is None or folder in self.registries:
            return
        self.registries.add(folder)
        for name in modules_in(path.parent):
            if name in self.chosen.get(folder, (name,)):
                self.visit(f"{folder}.{name}", None)

    def _child(self, module: str) -> None:
        name = f"{module}.__main__" if self.code.module(f"{module}.__main__") else module
        found = self.code.module(name)
        if found is not None and (name, "") not in self.seen:
            self.seen.add((name, ""))
            self._visit_whole(name, found)

    def _add_file(self, file: Path) -> None:
        relative = self.code.relative(file)
        self.parts[f"file {relative}"] = self.code.file_digest(relative)
        if file.suffix == ".sql":
            self.sql.add(relative.removeprefix(f"{SQL_PACKAGE}/"))


def _is_of(module: str, packages: Iterable[str]) -> bool:
    return any(module == one or module.startswith(f"{one}.") for one in packages)


def libraries(names: Iterable[str]) -> dict[str, str]:
    """Return the versions of the libraries imported as ``names``; ``absent`` where one is not installed."""
    return {name: _version(name) for name in sorted(names)}


@functools.cache
def _version(name: str) -> str:
    for distribution in (DISTRIBUTIONS.get(name, name), name):
        with contextlib.suppress(PackageNotFoundError):
            return version(distribution)
    return "absent"


# --- what a file means ---------------------------------------------------------------------------------------------


def file_meaning(path: Path) -> str:
    """Return the content of a file that is no Python, without comments, layout and empty rows where its language is
    known here."""
    text = path.read_bytes().decode("utf-8", "surrogateescape")
    if path.suffix == ".sql":
        return SQL.sub(lambda found: found["text"] or " ", text).strip()
    if path.suffix in {*C_SUFFIXES, ".h"}:  # a preprocessor's line ends with its line
        others = {name for name in INCLUDED.findall(text) if name != path.name}
        text = "\n".join([*(file_meaning(path.parent / name) for name in sorted(others)), text])
        return C.sub(lambda found: found["text"] or ("\n" if "\n" in found[0] else " "), text).strip()
    if path.suffix == ".csv" and "," in text:  # in a table of one column, an empty line may be a row
        return CSV.sub(lambda found: found["text"] or "\n", text).strip("\n")
    return text


SQL = re.compile(r"(?P<text>'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\")|(?:--[^\n]*|/\*.*?\*/|\s)+", re.DOTALL)
"""A text or a name in quotes, or a run of comments and white space, of SQL."""
C = re.compile(r"(?P<text>\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*')|(?://[^\n]*|/\*.*?\*/|\s)+", re.DOTALL)
"""The same of C."""
INCLUDED = re.compile('^#include "(.+)"', re.MULTILINE)
"""A line of C that stands for another file of ours."""
CSV = re.compile(r"(?P<text>\"(?:[^\"]|\"\")*\")|(?:\r?\n)+")
"""A quoted cell, or the end of a row and the empty lines after it."""


def _read_module(content: bytes) -> Module:
    """Return the module that ``content`` is, from the cache where it is known."""
    known, key = _cache(), digest(content, list(sys.version_info[:2]), CACHE_FORMAT)
    if key not in known:
        known[key] = _parsed(ast.parse(content))
        _changed.add(key)
    _used.add(key)
    return _module(known[key])


CACHE_FORMAT = 2
"""Counts up where :class:`Meaning` or how it is found changes."""
MOST_MEANINGS = 1_000
"""So many files the cache holds at most, a few times as many as the product has; of more it keeps those in use."""
_changed: set[str] = set()
_used: set[str] = set()


@functools.cache
def _cache() -> dict[str, Any]:
    try:
        return dict(json.loads(CACHE.read_text()))
    except (OSError, ValueError):
        return {}


def keep_meanings() -> None:
    """Write what was found out about files to the cache, where that is possible."""
    if _changed:
        _changed.clear()
        with contextlib.suppress(OSError, UserError):
            write_text(CACHE, json.dumps(_kept()))


def _kept() -> dict[str, Any]:
    known = _cache()
    return known if len(known) <= MOST_MEANINGS else {key: known[key] for key in sorted(_used & known.keys())}


def _module(parsed: Mapping[str, Any]) -> Module:
    definitions = {name: Meaning(*fields) for name, fields in parsed["definitions"].items()}
    whole = Meaning(*parsed["whole"])
    return Module(whole, definitions, parsed["imports"], frozenset(parsed["sections"]), parsed["is_face"])


def _parsed(tree: ast.Module) -> dict[str, Any]:
    _drop_what_never_runs(tree)
    definitions = dict(_definitions(tree))
    return {
        "whole": _meaning([tree]),
        "definitions": {name: _meaning(nodes) for name, nodes in definitions.items()},
        "imports": {name: target for node in tree.body for name, target in _bindings(node)},
        "sections": [
            node.name
            for node in tree.body
            if isinstance(node, ast.ClassDef)
            and any(isinstance(base, ast.Name) and base.id == "Section" for base in node.bases)
        ],
        "is_face": all(_only_imports(node) for node in tree.body),
    }


def _drop_what_never_runs(tree: ast.AST) -> None:
    """Remove docstrings, attribute docs and what only a type checker sees."""
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            body = getattr(node, name, None)
            if isinstance(body, list):
                setattr(node, name, [one for one in body if not _never_runs(one)])


def _never_runs(node: ast.AST) -> bool:
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    guard = isinstance(node, ast.If) and not node.orelse and node.test
    return isinstance(guard, ast.Name) and guard.id == "TYPE_CHECKING"


def _definitions(tree: ast.Module) -> Iterator[tuple[str, list[ast.AST]]]:
    """Yield the top-level definitions. A function counts without its decorators, which say where it runs; the
    declaration of a stage is none, since what it names is followed on its own."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, [node.args, *node.body]
        elif isinstance(node, ast.ClassDef):
            yield node.name, [node]
        elif isinstance(node, ast.Assign | ast.AnnAssign) and not _declares_a_stage(node.value):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for name in (one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)):
                yield name, [node]


def _declares_a_stage(value: ast.AST | None) -> bool:
    return isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in STAGES


STAGES = {"Stage", "UnitStage", "unit_asset"}
"""Calls that declare what decides an asset, and are not a part of it."""


def _only_imports(node: ast.AST) -> bool:
    if isinstance(node, ast.Assign):
        return all(isinstance(target, ast.Name) and target.id.startswith("__") for target in node.targets)
    return isinstance(node, ast.Import | ast.ImportFrom)


def _bindings(node: ast.AST) -> Iterator[tuple[str, list[str | None]]]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.asname or alias.name.partition(".")[0], [alias.name, None]
    elif isinstance(node, ast.ImportFrom) and node.module:
        for alias in node.names:
            yield alias.asname or alias.name, [node.module, alias.name]


def _meaning(nodes: list[ast.AST]) -> list[Any]:
    inside = [node for top in nodes for node in ast.walk(top)]
    uses = [target for node in inside for _, target in _bindings(node)]
    names = {node.id for node in inside if isinstance(node, ast.Name)}
    texts = {text for node in inside for text in _texts(node) if DATA.fullmatch(text)}
    runs = {run for node in inside for run in _runs(node)}
    registries = {folder for node in inside for folder in _registries(node)}
    code = digest([_canonical(node) for node in nodes])
    return [code, uses, sorted(names), sorted(texts), sorted(runs), sorted(registries)]


def _texts(node: ast.AST) -> Iterator[str]:
    """Yield the texts that ``node`` can become, ``*`` for what is filled in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in node.values)


def _runs(node: ast.AST) -> Iterator[str]:
    """Yield the module that a command line in the code starts (``-m``)."""
    if isinstance(node, ast.List):
        texts = [one.value if isinstance(one, ast.Constant) else None for one in node.elts]
        yield from (str(after) for flag, after in itertools.pairwise(texts) if flag == "-m" and after)


def _registries(node: ast.AST) -> Iterator[str]:
    """Yield the folder of a registry that the code makes."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Registry":
        yield from (one.value for one in node.args[1:2] if isinstance(one, ast.Constant) and isinstance(one.value, str))


def _canonical(node: Any) -> Any:
    """Return a syntax tree as JSON values, the same in every version of Python that reads it alike."""
    if isinstance(node, list):
        return [_canonical(one) for one in node]
    if isinstance(node, ast.AST):
        fields = [
            [name, _canonical(value)]
            for name, value in ast.iter_fields(node)
            if name not in {"ctx", "kind", "type_comment"}
        ]
        return [type(node).__name__, [one for one in fields if one[1] not in (None, [])]]
    return None if node is None else f"{type(node).__name__} {node!r}"
