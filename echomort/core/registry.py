"""Things of one kind that anybody may add: each is a file in one folder, or an entry point of another package."""

import functools
import importlib
import logging
import sys
from collections.abc import Callable, Sequence
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Generic, TypeVar

from echomort.core.declared import wrong_field
from echomort.core.errors import UserError, in_one_line
from echomort.core.installed import module_of, package_digest

Thing = TypeVar("Thing")
Result = TypeVar("Result")

REMEDY = "mend that package or remove it"

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
        """Return every thing by name. Of other packages, what can't be loaded is left out and reported once, as a
        warning. Raises :class:`UserError` where a file of the folder can't be loaded, since it decides results."""
        found = {name: self.get(name) for name in self._modules}
        for name in self.names()[len(found) :]:
            try:
                found[name] = self.get(name)
            except UserError as error:
                self._report(name, str(error))
        for name, point in self._offered.items():
            if name in self._modules:
                self._report(name, self._duplicate(point))
        return found

    def call(self, name: str, work: Callable[[Thing], Result]) -> Result:
        """Return what ``work`` makes of the thing ``name``. Raises :class:`UserError`, which names the package, where
        a thing of another package fails; its message is not shown, since it may hold values of patients."""
        try:
            return work(self.get(name))
        except (UserError, KeyboardInterrupt):
            raise
        except BaseException as error:
            if name in self._modules:
                raise
            raise UserError(f"{self.where(name)} failed with {type(error).__name__}", REMEDY) from error

    def use(self, name: str, work: Callable[[Thing], Result]) -> Result | None:
        """Return what ``work`` makes of the thing ``name``; None, and a warning, where one of another package fails."""
        try:
            return self.call(name, work)
        except UserError as error:
            if name in self._modules:
                raise
            self.leave_out(name, str(error))
            return None

    def leave_out(self, name: str, problem: str) -> None:
        """Report that the thing ``name`` of another package is left out. Raises :class:`UserError` for one of the
        folder."""
        if name in self._modules:
            raise UserError(problem, "correct that file")
        self._report(name, f"{problem}; it is left out")

    def problems(self) -> tuple[str, ...]:
        """Return one line for each thing that can't be used, with the remedy."""
        self.all()
        return tuple(self._problems.values())

    @cached_property
    def _modules(self) -> tuple[str, ...]:
        return modules_in(Path(str(importlib.import_module(self.folder).__file__)).parent)

    @cached_property
    def _offered(self) -> dict[str, EntryPoint]:
        found, again = _points_of(self.folder)
        for point in again:
            self._report(f"{point.name} twice", self._duplicate(point))
        return found

    def _loaded(self, name: str) -> Thing:
        constant = self.kind.upper().replace(" ", "_")
        try:
            if name in self._modules:
                thing = getattr(importlib.import_module(f"{self.folder}.{name}"), constant)
            else:
                module_of(self._offered[name])
                thing = self._offered[name].load()
        except KeyboardInterrupt:  # a person ends the command
            raise
        except BaseException as error:  # that a package exits, too, concerns that package alone
            remedy = "correct that file" if name in self._modules else REMEDY
            raise UserError(f"{self.where(name)} can't be loaded ({in_one_line(error)})", remedy) from error
        if not isinstance(thing, self.type):
            raise UserError(f"{self.where(name)} is no {self.type.__name__}", "let it name one")
        if wrong := wrong_field(thing):
            raise UserError(f"{self.where(name)} has a wrong field ({wrong})", "correct what it declares")
        return thing

    def where(self, name: str) -> str:
        """Return the words that name the thing ``name`` and its file or package."""
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


@functools.cache
def _points(places: tuple[str, ...]) -> Any:
    """Return the entry points of all packages below ``places``, which are Python's path: read once for each path."""
    return entry_points()


def _points_of(folder: str) -> tuple[dict[str, EntryPoint], list[EntryPoint]]:
    """Return name -> entry point of the things that other packages add to the registry ``folder``, and the points whose
    name is that of an earlier one; of a name, the first by value counts."""
    found: dict[str, EntryPoint] = {}
    again = []
    for point in sorted(_points(tuple(sys.path)).select(group=folder), key=lambda point: (point.name, point.value)):
        if found.setdefault(point.name, point) is not point:
            again.append(point)
    return found, again


def used_points(folder: str) -> dict[str, EntryPoint]:
    """Return name -> entry point of the things that other packages add to the registry ``folder``, without those that
    are left out because their name is taken."""
    spec = importlib.util.find_spec(folder)
    own = modules_in(Path(spec.origin).parent) if spec and spec.origin else ()
    return {name: point for name, point in _points_of(folder)[0].items() if name not in own}


def code_of_packages(folder: str, names: Sequence[str] | None = None) -> dict[str, str]:
    """Return package -> digest of it (:func:`package_digest`), of the packages that offer by entry point the things
    ``names``, or any thing, of the registry ``folder``. Nothing of them is imported."""
    by_package: dict[str, list[EntryPoint]] = {}
    for point in used_points(folder).values():
        if names is None or point.name in names:
            by_package.setdefault(point.dist.name if point.dist else point.value, []).append(point)
    return {package: package_digest(points) for package, points in by_package.items()}
