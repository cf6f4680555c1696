"""``python -m deploy.licences``: whether the licence of every package that echomort depends on is allowed.

Allowed are the licences of ``licences.csv``, in the words of the packages' own metadata. A package with another one, or
whose wheel brings a library under the GPL that its metadata does not speak of, is judged by a person in ``judged.csv``:
for the licence that it states, with a reason.
"""

import csv
import re
import sys
from collections.abc import Mapping
from importlib.metadata import PackageMetadata
from pathlib import Path

from deploy.dependencies import Closure, Package, closure, requirements

FOLDER = Path(__file__).parent

LONGEST_NAME = 60
"""Characters. A longer text in the field License is that of the licence, and no name."""

GPL_LIBRARIES = re.compile(r"lib(x264|x265|xvidcore|postproc|readline|gsl|fftw3)\b[-.\w]*\.(so|dylib|dll)")
"""Libraries under the GPL that wheels of codecs and numerics are known to bring."""

HEADINGS = frozenset({"OSI Approved", "DFSG approved"})
"""Classifiers that say who approves of a licence, and not which it is."""

SPDX_FORM = re.compile(r"[\w.+-]+(?: WITH [\w.+-]+)?(?: (?:AND|OR) [\w.+-]+(?: WITH [\w.+-]+)?)*")


def allowed() -> dict[str, str]:
    """Return the allowed licences: the words in lower case, and the SPDX identifier (empty where the words fit
    several)."""
    return {row["stated"].lower(): row["spdx"] for row in _rows("licences.csv")}


def judged() -> dict[str, dict[str, str]]:
    """Return what was judged by a person: package -> its licence and the reason."""
    return {row["package"]: row for row in _rows("judged.csv")}


def _rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(newline="") as file:
        return list(csv.DictReader(file))


def stated(metadata: PackageMetadata) -> list[str]:
    """Return the licences that a package's metadata state, all of which hold: the SPDX expression, else the
    classifiers, else the field License. Empty if there is none."""
    if expressions := metadata.get_all("License-Expression"):
        return list(expressions)
    classes = [line.split(" :: ")[-1] for line in metadata.get_all("Classifier") or [] if line.startswith("License ::")]
    if named := [name for name in classes if name not in HEADINGS]:
        return named
    texts = [text.strip() for text in metadata.get_all("License") or []]
    return [text for text in texts if text and len(text) <= LONGEST_NAME and "\n" not in text]


def is_allowed(expression: str, known: Mapping[str, str]) -> bool:
    """Return whether one of the alternatives of an SPDX expression, with all its parts, is ``known``.

    >>> is_allowed("MIT OR GPL-3.0-only", {"mit": "MIT"}), is_allowed("MIT AND GPL-3.0-only", {"mit": "MIT"})
    (True, False)
    """
    if expression.lower() in known:
        return True
    alternatives = [re.split(r" AND ", part) for part in re.split(r" OR ", expression)]
    return "(" not in expression and any(all(part.strip().lower() in known for part in one) for one in alternatives)


def gpl_libraries(package: Package) -> list[str]:
    """Return the libraries under the GPL among the files of a package."""
    return sorted({found[1] for file in package.files if (found := GPL_LIBRARIES.match(file))})


def problems(found: Closure) -> list[str]:
    """Return a line for each package whose licence is neither allowed nor judged."""
    known, decided = allowed(), judged()
    lines = []
    for name, package in sorted(found.packages.items()):
        licences = stated(package.metadata)
        words = " and ".join(licences) or "no licence"
        if name in decided:
            if words != decided[name]["licence"]:
                lines.append(f"{name} {package.version} states {words}, judged was {decided[name]['licence']}")
        elif not licences or not all(is_allowed(one, known) for one in licences):
            lines.append(f"{name} {package.version} states {words}")
        elif held := gpl_libraries(package):
            lines.append(f"{name} {package.version} states {words}, and its files hold {', '.join(held)} (GPL)")
    return lines


def main() -> int:
    """Print what is not allowed, and return the exit status."""
    found = closure(requirements(with_developers=True))
    bad = problems(found)
    for line in bad:
        sys.stdout.write(f"{line}: take another package, or add a row to deploy/judged.csv\n")
    absent = f"; not installed here: {', '.join(sorted(found.absent))}" if found.absent else ""
    count = len(found.packages)
    sys.stdout.write(f"licences: {count} packages, {count - len(bad)} allowed or judged{absent}\n")
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
