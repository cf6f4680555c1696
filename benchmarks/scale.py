"""What a run costs in which nothing changed, by the size of the archive.

    python benchmarks/scale.py --to FOLDER --instances 10000 100000 1000000          # prints a table
    python benchmarks/scale.py --to FOLDER --instances 10000 100000 1000000 --write  # and puts it into docs/scale.md

A small synthetic project is run to its end. Its archive, its tables and its ledger are then multiplied: every file by a
hard link in a folder of its own, every row in SQL with keys of its own. The ledger's fingerprints are made anew by the
functions that planning uses, so that a run finds nothing to do. All clips, scores and checks are copies: only what a
plan costs can be measured on such a home. Each command is a process of its own; its processor time and its peak memory
are those that the system counted.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import yaml

PAGE = Path(__file__).resolve().parents[1] / "docs" / "scale.md"
BEGIN, END = "<!-- scale: begin -->", "<!-- scale: end -->"
STUDY_KEYS, FILE_KEYS = ("patient_key", "study_key", "alias_key"), ("instance_key", "clip_key")
"""Columns that hold a pseudonym; a copy gets others. Those of a study count its copies, those of a file its loops."""
LOOPS = 3
"""Copies of a file within its folder: with them a study has as many files as one of the paper (3 clips, 3.7 files)."""
PATIENTS = 40
"""Patients of the project that is multiplied: enough for a run to its end."""
SETTINGS: dict[str, Any] = {
    "preset": "demo",
    "cohort": {"reader_fraction": 0.2, "sealed_fraction": 0, "later_from": None, "heart_failure_fraction": 0.1},
    "promotion": {"first_auc": None},
    "tabular": {"forest_trees": 20},
    "training": {"max_epochs": 1, "min_clips": 20, "min_deaths": 3},
    "evaluation": {"bootstrap": 100, "permutations": 2},
    "experiments": {"keep": []},
}
"""The demo, with the least training: what models learn is of no matter here."""


def make_base(folder: Path) -> None:
    """Run a small project to its end in ``folder``, once."""
    from echomort.settings.sections import Synthetic
    from echomort.synth.archive import write_archive

    if (folder / "done").exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    write_archive(folder / "archive", Synthetic(patients=PATIENTS, seed=1, views=("apical_4",)), 1)
    key = folder / "key"
    key.write_text("a key that only this benchmark uses.")
    key.chmod(0o600)
    sources = {"dicom": str(folder / "archive/dicom"), "ehr": str(folder / "archive/ehr")}
    site = folder / "site.yaml"
    site.write_text(yaml.safe_dump({**SETTINGS, "sources": sources, "privacy": {"key_file": str(key)}}))
    echomort("run", "--home", str(folder / "home"), "--config", str(site))
    (folder / "done").touch()


def multiply(base: Path, folder: Path, instances: int) -> None:
    """Make ``folder`` a project like ``base`` with at least ``instances`` files in its archive."""
    from assets.project import Project

    shutil.rmtree(folder, ignore_errors=True)
    skipped = shutil.ignore_patterns("dagster", "values")
    shutil.copytree(base / "home", folder / "home", ignore=skipped)
    settings = yaml.safe_load((base / "home/echomort.yaml").read_text())
    settings["sources"]["dicom"] = str(folder / "dicom")
    (folder / "home/echomort.yaml").write_text(yaml.safe_dump(settings))
    files = [file for file in (base / "archive/dicom").rglob("*") if file.is_file()]
    copies = -(-instances // (len(files) * LOOPS))
    folders = pd.DataFrame(_linked_folders(base / "archive/dicom", folder / "dicom", files, copies))
    project = Project(home=str(folder / "home"))
    for column in ("former", "folder"):
        folders[f"{column}_key"] = [project.keyring.pseudonym("folder", name) for name in folders[column]]
    with project.writer() as connection:
        _multiply_tables(connection, folders, copies)
    _multiply_ledger(project, folders, copies)


def _linked_folders(source: Path, target: Path, files: list[Path], copies: int) -> Iterator[dict[str, Any]]:
    """Link ``files`` of ``source`` below ``target``, ``copies`` times; yield former, folder and copy of each folder."""
    by_folder: dict[Path, list[Path]] = {}
    for file in files:
        by_folder.setdefault(file.parent, []).append(file)
    for copy in range(copies):
        for former, inside in by_folder.items():
            name = former.relative_to(source).as_posix()
            folder = f"{copy}/{name}" if copy else name
            (target / folder).mkdir(parents=True, exist_ok=True)
            for file in inside:
                for loop in range(LOOPS):
                    os.link(file, target / folder / (f"{loop}_{file.name}" if loop else file.name))
            yield {"former": name, "folder": folder, "copy": copy}


def _multiply_tables(connection: duckdb.DuckDBPyConnection, folders: pd.DataFrame, copies: int) -> None:
    """Multiply the rows of every table that has a pseudonym."""
    connection.execute("CREATE TEMP TABLE folder_copy (former_key VARCHAR, folder_key VARCHAR, copy BIGINT)")
    connection.append("folder_copy", folders[["former_key", "folder_key", "copy"]], by_name=True)
    tables = connection.execute(
        "SELECT table_name, list(column_name) FROM duckdb_columns() JOIN duckdb_tables() USING (table_name)"
        " WHERE NOT temporary AND NOT has_primary_key GROUP BY table_name"
    ).fetchall()
    for table, columns in tables:
        if not {*STUDY_KEYS, *FILE_KEYS}.isdisjoint(columns):
            connection.execute(_copies_of(table, columns, copies))


def _copies_of(table: str, columns: list[str], copies: int) -> str:
    """Return the statement that adds the copies of the rows of ``table``."""
    loops = 1 if {*FILE_KEYS}.isdisjoint(columns) else LOOPS
    other = [f"if(copy = 0, {key}, md5(named.{key} || copy)) AS {key}" for key in STUDY_KEYS if key in columns]
    other += [
        f"if(copy + loop = 0, {key}, md5(named.{key} || copy || '/' || loop)) AS {key}"
        for key in FILE_KEYS
        if key in columns
    ]
    source = f'"{table}" AS named, range({copies}) AS copies(copy), range({loops}) AS loops(loop)'
    if "folder_key" in columns:
        other.append("(SELECT folder_key FROM folder_copy WHERE former_key = named.folder_key"
                     " AND folder_copy.copy = copies.copy) AS folder_key")  # fmt: skip
    chosen = ", ".join(other)  # names of our own tables and columns
    return f'INSERT INTO "{table}" SELECT named.* REPLACE ({chosen}) FROM {source} WHERE copy + loop > 0'  # noqa: S608


def _multiply_ledger(project: Any, folders: pd.DataFrame, copies: int) -> None:
    """Give every copied unit an entry and a file, and make every fingerprint anew, inputs first."""
    from assets.graph import STAGES
    from assets.incremental import UnitStage
    from assets.quality import BY_ASSET

    with project.reader() as connection:
        studies = connection.execute(
            "SELECT unit AS former_key, md5(unit || copy) AS study_key FROM ledger, range(1, $1) AS copies(copy)"
            " WHERE asset = 'clips'", [copies]
        ).fetchall()  # fmt: skip
    of_folder = dict(zip(folders["folder_key"], folders["former_key"], strict=True))
    of_study = {key: former for former, key in studies}
    for stage in STAGES:
        if isinstance(stage, UnitStage):
            _seal_units(project, stage, of_folder if stage.name == "dicom_index" else of_study)
        else:
            _seal(project, stage, stage.assets)
        for name in stage.assets:
            for check in BY_ASSET.get(name, []):
                _seal(project, check.stage, (check.stage.name,))


def _seal(project: Any, stage: Any, names: tuple[str, ...]) -> None:
    """Write the current fingerprint of ``stage`` into the entries ``names`` that there are."""
    from warehouse import ledger

    with project.reader() as connection:
        made_from, sealed = stage.made_from(connection, project), stage.fingerprint(connection, project)
        found = {name: ledger.entries(connection, name).get(ledger.WHOLE) for name in names}
    with project.writer() as connection:
        how = ledger.write_recipe(connection, stage.recipe(project.settings))
        for name, entry in found.items():
            if entry is None:
                continue
            changed = {"made_from": made_from} if "made_from" in entry.details else {}
            details = {**entry.details, **changed}
            ledger.record(connection, name, [replace(entry, fingerprint=sealed, details=details, recipe=how)])


def _seal_units(project: Any, stage: Any, formers: Mapping[str, str]) -> None:
    """Write an entry of the current fingerprint for every unit that ``stage`` plans."""
    from warehouse import ledger

    with project.reader() as connection:
        recorded = ledger.entries(connection, stage.name)
    if not recorded:
        return
    plan, entries = stage.plan(project, stage.how(project)), []
    for unit, fingerprint in plan.items():
        entry = recorded[unit] if unit in recorded else recorded[formers[unit]]
        artifact = entry.artifact
        if artifact and unit not in recorded:
            artifact = _linked_artifact(project.root, artifact, unit)
        entries.append(replace(entry, unit=unit, fingerprint=fingerprint, artifact=artifact, recipe=stage.how(project)))
    with project.writer() as connection:
        ledger.write_recipe(connection, stage.recipe(project.settings))
        ledger.record(connection, stage.name, entries)


def _linked_artifact(root: Path, artifact: str, unit: str) -> str:
    """Link the file ``artifact`` under the name of ``unit``, in a folder of its first two characters."""
    path = Path(artifact)
    new = Path(path.parts[0], unit[:2], unit).with_suffix(path.suffix)
    (root / new).parent.mkdir(parents=True, exist_ok=True)
    os.link(root / artifact, root / new)
    return new.as_posix()


def echomort(*arguments: str) -> dict[str, Any]:
    """Carry out ``echomort`` and return its output, its seconds and its peak memory in GiB."""
    out = subprocess.PIPE
    begun = time.monotonic()
    command = [sys.executable, "-m", "orchestration.cli", *arguments]
    process = subprocess.Popen(command, stdout=out, text=True, cwd=PAGE.parents[1])
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(arguments)} failed: {said[-2000:]}")
    spent = used.ru_utime + used.ru_stime
    return {"said": said, "wall": time.monotonic() - begun, "cpu": spent, "memory": used.ru_maxrss / 2**20}


def measured(folder: Path) -> list[list[str]]:
    """Return one row for each command on the project in ``folder``: size, command, wall, CPU, memory."""
    home = folder / "home"
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        tables = ("dicom_instance", "study", "clip")
        counts = [f"{_count(connection, table):,}" for table in tables]
    rows = []
    for command in ("run", "status"):
        done = echomort(command, "--home", str(home))
        if command == "run" and "nothing to do" not in done["said"]:
            raise SystemExit(f"the run found something to do: {done['said'][-2000:]}")
        figures = f"{done['wall']:.0f} s", f"{done['cpu']:.0f} s", f"{done['memory']:.2f} GiB"
        rows.append([*counts, f"`echomort {command}`", *figures])
        print(*rows[-1], flush=True)
    return rows


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(connection.table(table).aggregate("count(*)").fetchall()[0][0])


def table(rows: list[list[str]]) -> str:
    """Return the rows as a table in Markdown."""
    head = ["files", "studies", "clips", "command", "wall", "CPU", "peak memory"]
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write(text: str) -> None:
    """Put the table into the page, between its marks."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}")


def main() -> None:
    """Measure the sizes that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, required=True, help="folder for the projects, which stay there")
    parser.add_argument("--instances", type=int, nargs="+", default=[10_000], help="files of the archive")
    parser.add_argument("--write", action="store_true", help="put the table into docs/scale.md")
    chosen = parser.parse_args()
    base = chosen.to.absolute() / "base"
    make_base(base)
    rows = []
    for instances in chosen.instances:
        folder = chosen.to.absolute() / str(instances)
        if not (folder / "done").exists():
            if os.fork() == 0:  # in a process of its own, whose memory is not counted
                multiply(base, folder, instances)
                (folder / "done").touch()
                os._exit(0)
            if os.wait()[1]:
                raise SystemExit("the project could not be multiplied")
        rows += measured(folder)
    print(table(rows))
    if chosen.write:
        write(table(rows))


if __name__ == "__main__":
    main()
