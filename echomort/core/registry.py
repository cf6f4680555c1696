"""Things of one kind that anybody may add: each is a file in one folder, or an entry point of another package."""

import importlib
import importlib.util
import logging
from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Generic, TypeVar

from echomort.core.errors import UserError
from echomort.core.fingerprint import digest, digest_file

Thing = TypeVar("Thing")

log = logging.getLogger("echomort")


class Registry(Generic[Thing]):
    """All things of one ``kind`` by name: those of the package ``folder``, then those that other packages offer.

    A module ``<folder>.<name>`` whose name does not begin with ``_`` is the thing ``<name>``; it holds it as a constant
    named as the kind, in capitals (``CLINICAL_SCORE`` for ``"clinical score"``). Another package offers one by an entry
    point ``<name> = "module:constant"`` of the group ``<folder>``. Nothing is imported before a thing is asked for.

    The name of ``folder`` is written out where a registry is made: code that decides a result is found by it.
    """

    def __init__(self, kind: str, folder: str, type_: type[Thing]) -> None:
        self.kind, self.folder, self.type = kind, folder, type_
        self._things: dict[str, Thing] = {}
        self._problems: dict[str, str] = {}

    def names(self) -> tuple[str, ...]:
        """Return the names of all things, the product's own first, each in alphabetical order."""
        return (*self._modules, *(name for name in self._offered if name not in self._modules))

    def __contains__(self, name: object) -> bool:
        """Whether there is a thing of that name, loadable or not."""
        return name in self._modules or name in self._offered

    def get(self, name: str) -> Thing:
        """Return the thing ``name``. Raises :class:`UserError` where there is none, or where it can't be loaded."""
        if name not in self:
            raise UserError(f"there is no {self.kind} {name}", f"known: {', '.join(self.names())}")
        if name not in self._things:
            self._things[name] = self._loaded(name)
        return self._things[name]

    def all(self) -> dict[str, Thing]:
        """Return every thing by name. What can't be loaded is left out and reported once, as a warning."""
        found = {}
        for name in self.names():
            try:
                found[name] = self.get(name)
            except UserError as error:
                self._report(name, str(error))
        for name, point in self._offered.items():
            if name in self._modules:
                self._report(name, self._duplicate(point))
        return found

    def problems(self) -> tuple[str, ...]:
        """Return one line for each thing that can't be used, with the remedy."""
        self.all()
        return tuple(self._problems.values())

    @cached_property
    def _modules(self) -> tuple[str, ...]:
        return modules_in(Path(str(importlib.import_module(self.folder).__file__)).parent)

    @cached_property
    def _offered(self) -> dict[str, EntryPoint]:
        found: dict[str, EntryPoint] = {}
        for point in sorted(entry_points(group=self.folder), key=lambda point: (point.name, point.value)):
            if point.name in found:
                self._report(f"{point.name} twice", self._duplicate(point))
            found.setdefault(point.name, point)
        return found

    def _loaded(self, name: str) -> Thing:
        constant = self.kind.upper().replace(" ", "_")
        if name in self._modules:
            thing = getattr(importlib.import_module(f"{self.folder}.{name}"), constant)
        else:
            thing = self._imported(self._offered[name])
        if not isinstance(thing, self.type):
            raise UserError(f"{self._where(name)} is no {self.type.__name__}", "let it name one")
        return thing

    def _imported(self, point: EntryPoint) -> object:
        try:
            return point.load()
        except Exception as error:
            problem = f"{self._where(point.name)} can't be loaded ({type(error).__name__}: {error})"
            raise UserError(problem.splitlines()[0], "mend that package or remove it") from error

    def _where(self, name: str) -> str:
        point = self._offered.get(name)
        if point is None or name in self._modules:
            return f"{self.kind} {name} in {self.folder}.{name}"
        package = f" of the package {point.dist.name}" if point.dist else ""
        return f"{self.kind} {name}, entry point {point.value}{package},"

    def _duplicate(self, point: EntryPoint) -> str:
        package = f"the package {point.dist.name}" if point.dist else "a package"
        return f"a second {self.kind} is named {point.name}; that of {package} is left out: rename its entry point"

    def _report(self, key: str, problem: str) -> None:
        if key not in self._problems:
            self._problems[key] = problem
            log.warning(problem)


def modules_in(folder: Path) -> tuple[str, ...]:
    """Return the names of the modules and packages in ``folder``, those that begin with ``_`` left out."""
    files = [path.stem for path in folder.glob("*.py")] + [path.parent.name for path in folder.glob("*/__init__.py")]
    return tuple(sorted(name for name in files if not name.startswith("_")))


def used_points(folder: str) -> dict[str, EntryPoint]:
    """Return name -> entry point of the things that other packages add to the registry ``folder``, without those that
    are left out because their name is taken."""
    found: dict[str, EntryPoint] = {}
    for point in sorted(entry_points(group=folder), key=lambda point: (point.name, point.value)):
        found.setdefault(point.name, point)
    spec = importlib.util.find_spec(folder)
    own = modules_in(Path(spec.origin).parent) if spec and spec.origin else ()
    return {name: point for name, point in found.items() if name not in own}


def code_of_packages(folder: str, names: Sequence[str] | None = None) -> dict[str, str]:
    """Return package -> digest of its version and of its Python files, of the packages that offer by entry point the
    things ``names``, or any thing, of the registry ``folder``. Nothing of them is imported."""
    found: dict[str, str] = {}
    for point in used_points(folder).values():
        if names is None or point.name in names:
            package = point.dist.name if point.dist else point.module
            found[package] = digest(point.dist.version if point.dist else "", _files_of(point.module.partition(".")[0]))
    return found


def _files_of(package: str) -> list[tuple[str, str]]:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return []
    origin = Path(spec.origin)
    files = sorted(origin.parent.rglob("*.py")) if origin.name == "__init__.py" else [origin]
    return [(file.relative_to(origin.parent).as_posix(), digest_file(file)) for file in files]
