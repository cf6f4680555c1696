"""What a page of docs/extending/ shows, installed as its reader would install it."""

import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```\w+ file=(\S+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Site:
    """A folder that holds the files of a page, its package installed beside them."""

    folder: Path

    def python(self, code: str, *arguments: str, fails: bool = False) -> str:
        """Run ``code`` with the page's package importable; return what it printed, or its error."""
        paths = os.pathsep.join([str(self.folder), str(ROOT)])
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ECHOMORT")}
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env=environment | {"PYTHONPATH": paths},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert (done.returncode != 0) == fails, done.stderr[-3000:]
        return done.stderr if fails else done.stdout


def install(page: str, folder: Path) -> Site:
    """Write the files that ``page`` shows into ``folder``, and install its pyproject.toml as pip would record it."""
    files = dict(BLOCK.findall((ROOT / "docs/extending" / page).read_text(encoding="utf-8")))
    assert files, f"{page} shows no file"
    for name, text in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    if "pyproject.toml" in files:
        record(tomllib.loads(files["pyproject.toml"])["project"], folder)
    return Site(folder)


def record(project: dict, folder: Path) -> None:
    """Write the dist-info of ``project``: its name, version and entry points."""
    name = project["name"].replace("-", "_")
    info = folder / f"{name}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n", encoding="utf-8"
    )
    lines = []
    for group, points in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{point} = {target}" for point, target in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
