"""Random kills: whole runs of a small project that are killed again and again, and must end as an unbroken one does.

    python benchmarks/kills.py --to FOLDER --kills 200

A project is run to its end once, unbroken. Then the same archive is run in a fresh home; after a random time SIGKILL
ends the run's first process, its whole process group, or one of its other processes. `echomort run` is started again
until a run ends well, and the next fresh home begins. At the end of each, the ledger (what decided and what came, of
every unit) and the bytes of every index, clip and model file must be those of the unbroken project, `echomort verify`
finds nothing, and no temporary file and no process is left. Writes FOLDER/kills.json, and kills.md, the table of what
was running when the signal came. `--seed` gives other moments.
"""

import argparse
import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, cast

import duckdb

SETTINGS = {
    "preset": "demo",
    "sources.synthetic.patients": 40,
    "cohort.sealed_fraction": 0,
    "cohort.later_from": "null",
    "cohort.heart_failure_fraction": 0.1,
    "cohort.folds": 3,
    "cohort.salt": "kills-1",
    "promotion.first_auc": "null",
    "training.max_epochs": 1,
    "training.min_clips": 20,
    "training.min_deaths": 3,
    "tabular.forest_trees": 20,
    "evaluation.bootstrap": 100,
    "evaluation.permutations": 2,
    "experiments.keep": [],
}
"""A project of a minute that has a step of every kind. Nothing that comes out of it means anything."""
MEAN_SHARE = 0.15
"""Mean time from the start of a run to its kill, as a share of the unbroken run. Exponential: some end first."""
LEAST_S = 3.0
"""Seconds that a run has at least: before, it imports its libraries."""
PATIENCE_S = 600
"""Seconds after which a run counts as one that hangs."""
MADE = ("index", "clips", "models")
"""Folders of a home whose files' bytes are compared."""
NAMES_ITS_HOME = ".task.json"
"""Ending of files that name the folder of their home, and differ for it: what a training was asked for."""
WAYS = ("the run", "its process group", "one of its processes")


def environment() -> dict[str, str]:
    """Return this process's environment without anything of another project."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("ECHOMORT", "DAGSTER"))}


def start(home: Path, log: Path, *more: str) -> "subprocess.Popen[bytes]":
    """Start ``echomort run`` in a process group of its own; it writes to ``log``."""
    command = [sys.executable, "-m", "orchestration.cli", "run", "--home", str(home), *more]
    with log.open("wb") as told:
        return subprocess.Popen(command, env=environment(), stdout=told, stderr=told, process_group=0)


def processes() -> dict[int, int]:
    """Return the parent of every process."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    return parents


def descendants(pid: int) -> list[int]:
    """Return the processes below ``pid``."""
    parents = processes()
    found, new = [], [pid]
    while new:
        new = [child for child, parent in parents.items() if parent in new]
        found += new
    return found


def of_home(home: Path) -> list[int]:
    """Return the processes that name ``home`` on their command line or in their environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            said = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
        except OSError:
            continue
        if str(home).encode() in said:
            found.append(int(folder.name))
    return found


def kill(run: "subprocess.Popen[bytes]", way: str, chance: random.Random) -> str:
    """Kill in this way; where the run has no process of its own, itself. Returns the way that it was."""
    below = descendants(run.pid) if way == WAYS[2] else []
    if below:
        os.kill(chance.choice(below), signal.SIGKILL)
        return way
    if way == WAYS[1]:
        os.killpg(run.pid, signal.SIGKILL)
        return way
    run.kill()
    return WAYS[0]


def running(home: Path) -> str:
    """Return the steps that the run of ``home`` works on, as its file of progress has them."""
    steps: list[str] = []
    with contextlib.suppress(OSError):
        for line in (home / "dagster" / "progress.jsonl").read_text().splitlines():
            with contextlib.suppress(ValueError):  # the last line may just be written
                happened = json.loads(line)
                step = happened["step"].partition("[")[0].replace("__", ": ").replace("_", " ")
                if happened["what"] == "start":
                    steps.append(step)
                elif happened["what"] in ("success", "failure") and step in steps:
                    steps.remove(step)
    return " and ".join(sorted(set(steps))) or "between steps"


def made(home: Path) -> dict[str, str]:
    """Return what the ledger of ``home`` says of each unit, and the SHA-256 of every file that was made."""
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        rows = connection.execute("SELECT asset, unit, fingerprint, digest FROM ledger").fetchall()
    found = {f"{asset} {unit}": f"{fingerprint} {digest}" for asset, unit, fingerprint, digest in rows}
    for part in MADE:
        for file in (home / part).rglob("*"):
            if file.is_file() and not file.name.endswith(NAMES_ITS_HOME):
                found[str(file.relative_to(home))] = hashlib.sha256(file.read_bytes()).hexdigest()
    return found


def left_over(home: Path) -> list[str]:
    """Return the temporary files of ``home``, and how many processes it still has."""
    names = [
        str(path.relative_to(home)) for path in home.rglob(".tmp_*") if "dagster" not in path.relative_to(home).parts
    ]
    alive = of_home(home)
    return names + [f"{len(alive)} processes"] * bool(alive)


def fresh(unbroken: Path, home: Path) -> None:
    """Make ``home`` anew, with the archive and the settings of the ``unbroken`` project and nothing else."""
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    for name in ("archive", "archive.stamp", "echomort.yaml"):
        source = unbroken / name
        (shutil.copytree if source.is_dir() else shutil.copy2)(source, home / name)


def broken(home: Path, folder: Path, most: int, mean: float, chance: random.Random) -> list[dict[str, Any]]:
    """Run ``home`` to its end and kill it on the way, at most ``most`` times; return the kills.

    ``mean`` is the mean time from a start to a kill, in seconds.
    """
    kills: list[dict[str, Any]] = []
    log = folder / "run.log"
    while True:
        run = start(home, log)
        try:
            if len(kills) < most:
                run.wait(LEAST_S + chance.expovariate(1 / mean))
            else:
                run.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            if len(kills) == most:
                raise
            where = running(home)
            way = kill(run, chance.choice(WAYS), chance)
            kills.append({"where": where, "way": way, "status": run.wait(PATIENCE_S)})
            print(f"kill: {way}, in {where}", flush=True)
            if way != WAYS[2] or kills[-1]["status"]:
                continue
        if run.returncode == 0:
            return kills
        raise RuntimeError(f"a run that was not killed ended with {run.returncode}:\n{log.read_text()[-2000:]}")


def main() -> None:
    """Run, kill and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    folder = chosen.to.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    unbroken = folder / "unbroken"
    done = folder / "unbroken.seconds"
    if not done.exists():
        shutil.rmtree(unbroken, ignore_errors=True)
        begun = time.monotonic()
        flags = [part for key, value in SETTINGS.items() for part in ("--set", f"{key}={value}")]
        if start(unbroken, folder / "unbroken.log", *flags).wait():
            sys.exit((folder / "unbroken.log").read_text()[-2000:])
        done.write_text(str(time.monotonic() - begun))
    whole = float(done.read_text())
    wanted, chance = made(unbroken), random.Random(chosen.seed)
    kills: list[dict[str, Any]] = []
    differences: list[str] = []
    begun, runs = time.monotonic(), 0
    while len(kills) < chosen.kills:
        home = folder / "broken"
        fresh(unbroken, home)
        kills += broken(home, folder, chosen.kills - len(kills), MEAN_SHARE * whole, chance)
        runs += 1
        found = made(home)
        differences += sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
        differences += left_over(home)
        verify = subprocess.run(
            [sys.executable, "-m", "orchestration.cli", "verify", "--home", str(home)],
            env=environment(), capture_output=True, text=True, check=False,
        )  # fmt: skip
        differences += [verify.stdout[-500:] + verify.stderr[-500:]] * bool(verify.returncode)
        said = {"kills": kills, "whole runs": runs, "differences": differences, "seconds": time.monotonic() - begun}
        (folder / "kills.json").write_text(json.dumps(said, indent=1))
        (folder / "kills.md").write_text(table(said))
        print(f"{len(kills)} kills, {runs} whole runs, {len(differences)} differences", flush=True)
    print(table(said))
    sys.exit(bool(differences))


def table(said: dict[str, Any]) -> str:
    """Return the kills by what was running, as a table in Markdown."""
    kills = cast("list[dict[str, str]]", said["kills"])
    counted = Counter((kill["where"], kill["way"]) for kill in kills)
    lines = [f"| running | {' | '.join(WAYS)} |", "| --- |" + " ---: |" * len(WAYS)]
    for where in sorted({where for where, _ in counted}):
        lines.append(f"| {where} | " + " | ".join(str(counted[where, way]) for way in WAYS) + " |")
    lines.append("| all | " + " | ".join(str(sum(kill["way"] == way for kill in kills)) for way in WAYS) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
