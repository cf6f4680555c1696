"""``python -m deploy.sbom FILE``: the software bill of materials, in CycloneDX 1.6 (JSON).

It lists the installed packages that echomort and its extras depend on, those for developers left out, with version,
licence and what needs what. The same environment gives the same bytes.
"""

import json
import sys
import uuid
from pathlib import Path
from typing import Any

from deploy.dependencies import Closure, Package, closure, requirements
from deploy.licences import SPDX_FORM, allowed, stated
from echomort.core.files import write_text
from echomort.version import __version__

ROOT = "echomort"


def bill(found: Closure) -> dict[str, Any]:
    """Return the bill of materials of ``found``."""
    needs = {ROOT: found.needs} | {name: package.needs for name, package in found.packages.items()}
    links = {_reference(found, name): sorted(_reference(found, one) for one in needs[name]) for name in needs}
    content = {
        "metadata": {
            "tools": {"components": [{"type": "application", "name": "deploy.sbom", "version": __version__}]},
            "component": _component(ROOT, __version__, "application", [{"license": {"id": "Apache-2.0"}}]),
        },
        "components": [
            _component(name, package.version, "library", _licences(package))
            for name, package in sorted(found.packages.items())
        ],
        "dependencies": [{"ref": one, "dependsOn": links[one]} for one in sorted(links)],
    }
    serial = uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(content, sort_keys=True))
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        **content,
    }


def _component(name: str, version: str, kind: str, licences: list[dict[str, Any]]) -> dict[str, Any]:
    address = _address(name, version)
    own = {"type": kind, "bom-ref": address, "name": name, "version": version, "purl": address}
    return own | ({"licenses": licences} if licences else {})


def _address(name: str, version: str) -> str:
    """Return the package URL, which also names the component within the bill."""
    return f"pkg:pypi/{name}@{version.replace('+', '%2B')}"


def _reference(found: Closure, name: str) -> str:
    return _address(name, __version__ if name == ROOT else found.packages[name].version)


def _licences(package: Package) -> list[dict[str, Any]]:
    """Return the licences as CycloneDX states them: an expression, or SPDX identifiers and names."""
    words, known = stated(package.metadata), allowed()
    if len(words) == 1 and " " in words[0] and SPDX_FORM.fullmatch(words[0]):
        return [{"expression": words[0]}]
    identifiers = [(one, known.get(one.lower(), "")) for one in words]
    return [{"license": {"id": spdx} if spdx else {"name": one}} for one, spdx in identifiers]


def main(file: Path) -> None:
    """Write the bill to ``file``."""
    found = closure(requirements(with_developers=False))
    file.parent.mkdir(parents=True, exist_ok=True)
    write_text(file, json.dumps(bill(found), indent=1, sort_keys=True) + "\n")
    sys.stdout.write(f"{file}: {len(found.packages)} packages\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
