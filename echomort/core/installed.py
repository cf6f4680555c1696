"""The files of a package that somebody else installs: all count as its code, since any can decide a result."""

import ast
import functools
import importlib.util
import re
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import Distribution, EntryPoint, PackageNotFoundError, packages_distributions, requires, version
from pathlib import Path, PurePath

from echomort.core.fingerprint import digest, digest_file

SUFFIXES = (".py", ".sql", ".so")
"""Endings of the files of the product that can decide a result."""


@functools.cache
def installation_digest() -> str:
    """Return the digest of what is installed here: the product's own files, and the releases of its libraries. Of a
    compiled module only the name counts: it is compiled anew on each machine."""
    top = Path(__file__).parents[1]
    files = sorted(path for path in top.rglob("*") if path.suffix in SUFFIXES)
    content = [(str(path.relative_to(top)), path.suffix != ".so" and digest_file(path)) for path in files]
    names = sorted(re.split(r"[^\w.-]", line)[0] for line in _requirements() if "extra ==" not in line)
    return digest(content, [(name, _release(name)) for name in names])


def _requirements() -> list[str]:
    try:
        return requires("echomort") or []
    except PackageNotFoundError:  # run from its source
        return []


def _release(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def module_of(point: EntryPoint) -> str:
    """Return the module that ``point`` names. Raises :class:`ValueError` where its value can't be one."""
    found = point.pattern.match(point.value)
    if found is None:
        raise ValueError("it is not written as module:constant")
    return str(found["module"])


def package_digest(points: Sequence[EntryPoint]) -> str:
    """Return the digest of one package: its version, the entry ``points`` that it offers, and its files.

    Nothing of it is imported. An installer's record lists the files. Without one, or with one of an editable
    installation, they are those of the top-level modules that the points name, and of those beside them that these
    import.
    """
    package = points[0].dist
    files = _recorded(package) if package else {}
    files = files or _found({_top(point.value) for point in points}, package)
    version = package.version if package else ""
    values = sorted((point.name, point.value) for point in points)
    return digest(version, values, sorted((name, digest_file(path)) for name, path in files.items()))


def _recorded(package: Distribution) -> dict[str, Path]:
    """Return the files of ``package`` by name; none where its record does not list them (an editable installation)."""
    listed = package.files if package.read_text("RECORD") else None
    if not listed or any(file.suffix == ".pth" for file in listed):
        return {}
    found = {str(file): Path(str(package.locate_file(file))) for file in listed if _counts(file)}
    return {name: path for name, path in found.items() if path.is_file()}


def _counts(file: PurePath) -> bool:
    """Whether ``file`` is of the package, and not made from it or by its installer."""
    made = (".dist-info", ".egg-info")
    return not any(part.startswith(".") or part == "__pycache__" or part.endswith(made) for part in file.parts)


def _found(modules: set[str], package: Distribution | None) -> dict[str, Path]:
    """Return the files of the top-level ``modules``, and of those beside them that these import, by name."""
    files: dict[str, Path] = {}
    known, beside = set(modules), {root for module in modules for root, _ in _places(module)}
    while modules:
        places = [place for module in modules for place in _places(module) if place[0] in beside]
        new = {str(path.relative_to(root)): path for root, top in places for path in _below(top)}
        files |= new
        imported = _imported(new.values()) - known
        modules = _without_others({name for name in imported if _is_beside(name, beside)}, package)
        known |= imported
    return files


def _places(module: str) -> Iterator[tuple[Path, Path]]:
    """Yield (the folder that a top-level ``module`` is found in, its file or folder); a namespace has several."""
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return
    found = [] if spec is None else list(spec.submodule_search_locations or [spec.origin or ""])
    yield from ((Path(one).parent, Path(one)) for one in found if one and Path(one).exists())


def _is_beside(module: str, folders: set[Path]) -> bool:
    names = (f"{module}.py", module)
    return any((folder / name).exists() for folder in folders for name in names)


def _without_others(modules: set[str], package: Distribution | None) -> set[str]:
    """Return the ``modules`` that no other installed package than ``package`` says are its own."""
    owners = packages_distributions() if modules else {}
    name = package.name if package else ""
    return {module for module in modules if name in owners.get(module, [name])}


def _below(top: Path) -> list[Path]:
    if top.is_file():
        return [top]
    return [path for path in top.rglob("*") if path.is_file() and _counts(path.relative_to(top))]


def _imported(files: Iterable[Path]) -> set[str]:
    """Return the top-level modules that the Python ``files`` import; one that can't be parsed imports none."""
    found = set()
    for file in files:
        try:
            tree = ast.parse(file.read_bytes()) if file.suffix == ".py" else ast.Module([], [])
        except (SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                found |= {_top(alias.name) for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(_top(node.module))
    return found


def _top(name: str) -> str:
    found = re.match(r"\w+", name)
    return found[0] if found else ""
