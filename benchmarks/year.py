"""A year of retraining: an archive that grows by month, through the project's own sensor and schedule.

    python benchmarks/year.py --to FOLDER                                     # twelve months, three scenarios
    python benchmarks/year.py --to FOLDER --every 6 --patients 300 --linear   # three looks, models that learn little

Writes FOLDER/year.json, year.md and year.svg, with `--write` docs/year.md and its figure too; the same command goes on
where it was stopped, and another may make another scenario meanwhile (`--scenario`). The synthetic archive is
delivered as a hospital would: in each month the echoes of that month, fewer in summer, and an extract whose deaths are
known 10 to 100 days late.

same       nothing else changes
drift      from month 7 on, a new scanner makes half of the echoes, and six in ten echoes of those below 70 are gone;
           from month 9 on, diagnoses are written in codes that no list has
bad drop   in month 6, half of the rows of every table are lost; in month 7 they are back

Each month is a process of its own. It evaluates the sensor `new_files`, launches the `ingest` that it asks for, then
evaluates `weekly_retraining` at its hour, and launches `rebuild_all`, with Dagster's own functions on the home's
instance, as its daemon would: that waits five minutes between looks and a week between retrainings.

The true AUC and the calibration are against the generator's probabilities of death, over all studies that the champion
gave a risk and that no model learnt from.
"""

import argparse
import contextlib
import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from echomort.core.files import atomic_folder, write_text

PAGE = Path(__file__).resolve().parents[1] / "docs" / "year.md"
BEGIN, END = "<!-- year: begin -->", "<!-- year: end -->"
SCENARIOS = ("same", "drift", "bad drop")
SHARED = "all"
"""The months before any scenario differs are made once, in a project that each scenario goes on with."""
FIRST_CUT = date(2017, 7, 1)
"""The day of month 0: five and a half of the archive's seven and a half years are there."""
SCANNER_MONTH, CODING_MONTH, BAD_MONTH = 7, 9, 6
SUMMER, SUMMER_SHARE = (7, 8), 0.6
"""Months in which only this share of the echoes is made."""
LATE_DAYS = (10, 100)
"""Days between a death and the extract that first has it."""
CONTACT_DAYS = 120
"""Days between two contacts of a patient who lives."""
AGE, KEPT_BELOW = 70, 0.4
"""Age in years below which, in a drift, only this share of the echoes is made."""
DATED = {"measurement": "measured_at", "diagnosis": "recorded_at", "medication": "started_at", "study": "study_at"}
SETTINGS: dict[str, Any] = {
    "preset": "demo",
    "cohort": {
        "reader_fraction": 0.04,
        "sealed_fraction": 0.35,
        "later_from": None,
        "heart_failure_fraction": 0.1,
        "folds": 3,
    },
    "evaluation": {"bootstrap": 200, "controls": "none", "permutations": 2},
    "experiments": {"keep": []},
}
"""The demo with little resampling, three folds (6 networks a month, not 15), and a sealed set that can decide."""
LINEAR = {"network": "linear", "max_epochs": 4}
"""Settings of ``training`` that make a month cheap. They learn little: a synthetic archive's risk is in its motion."""


def chance(*parts: object) -> float:
    """Return a number in [0, 1) that depends on ``parts`` alone."""
    return int.from_bytes(hashlib.sha256("|".join(map(str, parts)).encode()).digest()[:6], "big") / 2**48


def cut(month: int) -> date:
    """Return the first day that the extract of ``month`` does not have."""
    months = FIRST_CUT.month - 1 + month
    return date(FIRST_CUT.year + months // 12, months % 12 + 1, 1)


# What the hospital delivers


def performed(truth: pd.DataFrame, scenario: str) -> pd.DataFrame:
    """Return the studies of ``truth`` that are made in ``scenario``."""
    on = truth["study_at"].dt
    fate = np.array([chance("study", uid) for uid in truth["study_instance_uid"]])
    gone = on.month.isin(SUMMER) & (fate > SUMMER_SHARE)
    if scenario == "drift":
        gone |= (truth["study_at"] >= pd.Timestamp(cut(SCANNER_MONTH - 1))) & (truth["age"] < AGE) & (fate > KEPT_BELOW)
    return truth[~gone]


def deliver(archive: Path, to: Path, scenario: str, month: int) -> int:
    """Write the archive and the extract of ``month`` below ``to``; return how many studies they have."""
    studies = performed(pd.read_parquet(archive / "truth/study.parquet"), scenario)
    studies = studies[studies["study_at"] < pd.Timestamp(cut(month))]
    for folder in (archive / "dicom").glob("*/*"):
        accession = folder.name.rpartition("_")[2]
        if accession in set(studies["accession_number"]):
            _deliver_folder(folder, to / "dicom" / folder.parent.name / folder.name, scenario)
    (to / "ehr").mkdir(parents=True, exist_ok=True)
    for name, rows in _extract(archive, studies, scenario, month).items():
        rows.to_csv(to / "ehr" / f"{name}.csv", index=False)
    return len(studies)


def _deliver_folder(source: Path, target: Path, scenario: str) -> None:
    if target.exists():
        return
    target.mkdir(parents=True)
    made = datetime.strptime(source.name[:8], "%Y%m%d").date()
    is_new = scenario == "drift" and made >= cut(SCANNER_MONTH - 1) and chance("scanner", source.name) < 0.5
    for file in source.iterdir():
        if is_new:
            _from_new_scanner(file, target / file.name)
        else:
            os.link(file, target / file.name)


def _from_new_scanner(source: Path, target: Path) -> None:
    import pydicom

    try:
        header = pydicom.dcmread(source)
    except pydicom.errors.InvalidDicomError:
        os.link(source, target)
        return
    header.Manufacturer, header.ManufacturerModelName = "GE Vingmed Ultrasound", "Vivid E95"
    header.save_as(target)


def _extract(archive: Path, studies: pd.DataFrame, scenario: str, month: int) -> dict[str, pd.DataFrame]:
    """Return the tables of the extract of ``month``."""
    end = pd.Timestamp(cut(month))
    tables = {file.stem: pd.read_csv(file, dtype=str) for file in sorted((archive / "ehr").glob("*.csv"))}
    known = set(studies["study_id"])
    tables["study"] = tables["study"][tables["study"]["study_id"].isin(known)]
    measured = tables["measurement"]
    tables["measurement"] = measured[measured["study_id"].isna() | measured["study_id"].isin(known)]
    for name, column in DATED.items():
        tables[name] = tables[name][pd.to_datetime(tables[name][column], errors="coerce") < end]
    patients = set(studies["patient_id"])
    for name in set(tables) - {"study", "identity"}:
        tables[name] = tables[name][tables[name]["patient_id"].isin(patients)]
    tables["identity"] = tables["identity"][tables["identity"]["patient_id"].isin(patients)]
    died = pd.to_datetime(tables["death"]["death_date"], errors="coerce")
    low, high = LATE_DAYS
    late = [timedelta(low + (high - low) * chance("late", patient)) for patient in tables["death"]["patient_id"]]
    tables["death"] = tables["death"][died + pd.Series(late, index=died.index, dtype="timedelta64[ns]") < end]
    tables["contact"] = _contacts(tables["contact"], studies, end)
    if scenario == "drift" and month >= CODING_MONTH:
        coded = pd.to_datetime(tables["diagnosis"]["recorded_at"]) >= pd.Timestamp(cut(CODING_MONTH - 1))
        tables["diagnosis"].loc[coded, "vocabulary"] = "LOCAL"
    if scenario == "bad drop" and month == BAD_MONTH:
        tables = {name: rows[[chance(name, *row) < 0.5 for row in rows.to_numpy()]] for name, rows in tables.items()}
    return tables


def _contacts(contacts: pd.DataFrame, studies: pd.DataFrame, end: pd.Timestamp) -> pd.DataFrame:
    """Return the contacts before ``end``, with one every :data:`CONTACT_DAYS` days until a patient's last one."""
    at = pd.to_datetime(contacts["contact_at"], errors="coerce")
    last = at.groupby(contacts["patient_id"]).max()
    first = studies.groupby("patient_id")["study_at"].min()
    rows = [contacts[at < end]]
    for patient, until in last.items():
        begin = first.get(patient)
        if begin is None or pd.isna(until):
            continue
        begin = begin + timedelta(days=1 + int(CONTACT_DAYS * chance("contact", patient)))
        days = pd.date_range(begin, min(until, end - timedelta(days=1)), freq=f"{CONTACT_DAYS}D")
        stamps = days.strftime("%Y-%m-%d %H:%M:%S")
        rows.append(pd.DataFrame({"patient_id": patient, "contact_at": stamps, "kind": "outpatient"}))
    return pd.concat(rows, ignore_index=True)


# A month, in a process of its own


def tick(home: Path, month: int, cursor: str) -> dict[str, Any]:
    """Let sensor and schedule look once each at ``home``, launch what they ask for, and return what came of it."""
    import dagster as dg

    from assets.project import Project
    from orchestration.definitions import defs
    from orchestration.runs import _first_failure, prepare_instance
    from orchestration.schedules import weekly_retraining
    from orchestration.sensors import new_files

    prepare_instance(home)
    said: dict[str, Any] = {"runs": [], "stopped": "", "cursor": cursor}
    with dg.DagsterInstance.get() as instance:

        def launch(job: str, request: dg.RunRequest) -> None:
            with contextlib.redirect_stdout(sys.stderr):
                result = defs.resolve_job_def(job).execute_in_process(
                    instance=instance, tags=dict(request.tags), raise_on_error=False
                )
            said["runs"].append(job)
            if not result.success:
                said["stopped"] = str(_first_failure(result))

        resources = {"project": Project(home=str(home))}
        seen = new_files(dg.build_sensor_context(instance, cursor or None, resources=resources))
        if isinstance(seen, dg.SensorResult):
            said["cursor"] = seen.cursor
            for request in seen.run_requests or ():
                launch("ingest", request)
        due = datetime(cut(month).year, cut(month).month, 1, 3)
        asked = weekly_retraining.evaluate_tick(dg.build_schedule_context(instance, scheduled_execution_time=due))
        for request in asked.run_requests or ():
            launch(weekly_retraining.job_name, request)
    return said


# What came of it


def true_figures(home: Path, archive: Path) -> dict[str, float]:
    """Return the AUC of the champion's risks against true probabilities, and the means of both."""
    from assets.project import Project

    project = Project(home=str(home))
    truth = pd.read_parquet(archive / "truth/study.parquet")
    truth["study_key"] = [project.keyring.pseudonym("study", name) for name in truth["study_id"]]
    with project.reader() as connection:
        risks = connection.execute("SELECT study_key, risk FROM risk_score WHERE NOT in_development").df()
    rows = risks.merge(truth[["study_key", "death_probability"]], on="study_key")
    if rows.empty:
        return {"scored": 0}
    risk, probability = rows["risk"].to_numpy(), rows["death_probability"].to_numpy()
    weight = probability[:, None] * (1 - probability)[None, :]
    np.fill_diagonal(weight, 0)
    wins = (risk[:, None] > risk[None, :]) + 0.5 * (risk[:, None] == risk[None, :])
    auc = float((weight * wins).sum() / weight.sum())
    return {"scored": len(rows), "auc": auc, "mean_risk": float(risk.mean()), "mean_truth": float(probability.mean())}


def outcome(home: Path, archive: Path, known: int) -> dict[str, Any]:
    """Return what the project says after a month: decisions after the first ``known``, champion, warnings."""
    from assets.project import Project
    from assets.status import project_warnings
    from echomort.champion.store import champion_name, read_history

    registry = home / "registry"
    decisions = read_history(registry)
    project = Project(home=str(home))
    told = [words for _, words in project_warnings(project) if "before" in words or "as expected" in words]
    with project.reader() as connection:
        sealed = connection.execute(
            "SELECT count(*), sum(label) FROM cohort WHERE role = 'sealed' AND headline"
        ).fetchone()
        sizes = connection.execute("SELECT count(*), sum(label) FROM cohort WHERE role = 'development'").fetchone()
    return {
        "decisions": decisions[known:],
        "champion": champion_name(registry) or "",
        "candidates": len(list((registry / "candidates").glob("[!.]*"))),
        "sealed": sealed,
        "development": sizes,
        "watch": told,
        **true_figures(home, archive),
    }


def year(
    archive: Path, folder: Path, scenario: str, months: Iterable[int], training: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """Yield what each of ``months`` of ``scenario`` brought to the project in ``folder``, which goes on."""
    home, drop, kept = folder / "home", folder / "drop", folder / "months.json"
    home.mkdir(parents=True, exist_ok=True)
    key = folder / "key"
    key.write_text(hashlib.sha256(b"a year").hexdigest())
    key.chmod(0o600)
    sources = {"dicom": str(drop / "dicom"), "ehr": str(drop / "ehr")}
    settings = {**SETTINGS, "training": training, "sources": sources, "privacy": {"key_file": str(key)}}
    (home / "echomort.yaml").write_text(yaml.safe_dump(settings))
    made: list[dict[str, Any]] = json.loads(kept.read_text()) if kept.exists() else []
    yield from (row for row in made if row["scenario"] == scenario)
    for month in months:
        if made and month <= made[-1]["month"]:
            continue
        studies = deliver(archive, drop, scenario, month)
        before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        said = _child(home, month, made[-1]["cursor"] if made else "")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        found = outcome(home, archive, sum(len(row["decisions"]) for row in made))
        wall = time.monotonic() - begun
        row = {"scenario": scenario, "month": month, "studies": studies, "cpu": cpu, "wall": wall, **said, **found}
        made.append(json.loads(json.dumps(row, default=str)))
        write_text(kept, json.dumps(made, indent=1))
        yield made[-1]


def _child(home: Path, month: int, cursor: str) -> dict[str, Any]:
    command = [sys.executable, "-P", __file__, "--tick", str(home), "--month", str(month), "--cursor", cursor]
    root = str(Path(__file__).resolve().parents[1])
    environment = os.environ | {"ECHOMORT_HOME": str(home), "PYTHONPATH": root}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"month {month}: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


# Table and figure


def table(rows: list[dict[str, Any]]) -> str:
    """Return the months as a table in Markdown."""
    frame = pd.DataFrame(
        {
            "scenario": row["scenario"],
            "month": row["month"],
            "studies": row["studies"],
            "sealed (deaths)": f"{row['sealed'][0]} ({row['sealed'][1] or 0})",
            "decision": _decision(row),
            "true AUC": f"{row['auc']:.3f}" if row.get("auc") else "-",
            "mean risk (true)": f"{row['mean_risk']:.2f} ({row['mean_truth']:.2f})" if row.get("auc") else "-",
            "the watch": "; ".join(_short(words) for words in row["watch"]) or "-",
            "CPU-s": round(row["cpu"]),
        }
        for row in rows
    )
    lines = [list(frame), ["---"] * len(frame.columns), *frame.astype(str).to_numpy().tolist()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _decision(row: dict[str, Any]) -> str:
    if row["stopped"]:
        first, *more = (part.partition(": ")[0] for part in row["stopped"].split("; ") if " rows of table " in part)
        return f"stopped: {first}, and so of {len(more)} other tables" if more else f"stopped: {first}"
    if not row["decisions"]:
        return "the same candidate"
    last = row["decisions"][-1]
    if last["promoted"]:
        beside = last["reasons"][0].partition(": ")[2].partition(" against the champion")[0]
        return f"promoted: {beside} beside the champion" if beside else "promoted"
    return f"refused: {'; '.join(last['reasons'])}"


def _short(words: str) -> str:
    return words.partition(": ")[2].removeprefix("the latest studies differ from those before: ").partition("; see ")[0]


def figure(rows: list[dict[str, Any]], file: Path) -> None:
    """Draw the true AUC of the champion and the CPU-seconds of each month."""
    from matplotlib.figure import Figure

    drawing = Figure(figsize=(7.6, 4), layout="constrained")
    above, below = drawing.subplots(2, 1, sharex=True)
    scenarios = dict.fromkeys(row["scenario"] for row in rows if row["scenario"] != SHARED)
    for scenario, width in zip(scenarios, (5, 2.5, 1), strict=False):  # lines that lie on each other are all seen
        mine = [row for row in rows if row["scenario"] in (SHARED, scenario)]
        months = [row["month"] for row in mine]
        areas = [row.get("auc", np.nan) for row in mine]
        (line,) = above.plot(months, areas, label=scenario, linewidth=width)
        taken = [row for row in mine if any(one["promoted"] for one in row["decisions"])]
        above.plot(
            [row["month"] for row in taken],
            [row["auc"] for row in taken],
            "o",
            color=line.get_color(),
            markersize=6 + width,
        )
        below.plot(months, [row["cpu"] for row in mine], color=line.get_color(), linewidth=width)
    above.set_ylabel("champion's true AUC")
    above.set_title("The champion, by month; a dot is a promotion", fontsize="medium", loc="left")
    below.set_ylabel("CPU-seconds")
    below.set_xlabel("month")
    above.legend(frameon=False)
    drawing.savefig(file)


def main() -> None:
    """Run the scenarios, or a month of one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path)
    parser.add_argument("--scenario", choices=SCENARIOS, nargs="*", default=list(SCENARIOS))
    parser.add_argument("--months", type=int, default=12)
    parser.add_argument("--every", type=int, default=1, help="months between two deliveries and retrainings")
    parser.add_argument("--patients", type=int, default=1200)
    parser.add_argument("--linear", action="store_true", help="train the linear network: cheap, and it learns little")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="put table and figure into docs/year.md")
    parser.add_argument("--tick", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--month", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--cursor", default="", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.tick:
        print(json.dumps(tick(chosen.tick, chosen.month, chosen.cursor)))
        return
    if chosen.to is None:
        parser.error("name a folder: --to FOLDER")
    archive = chosen.to / f"archive-{chosen.patients}-{chosen.seed}"
    if not archive.exists():
        from echomort.settings.sections import Synthetic
        from echomort.synth.archive import write_archive

        drawn = Synthetic(patients=chosen.patients, seed=chosen.seed, views=("apical_4",))
        write_archive(archive, drawn, len(os.sched_getaffinity(0)))
    months = range(0, chosen.months + 1, chosen.every)
    rows: list[dict[str, Any]] = []

    def go(folder: Path, scenario: str, some: Iterable[int]) -> None:
        for row in year(archive, folder, scenario, some, LINEAR if chosen.linear else {}):
            rows.append(row)
            print(table([row]).splitlines()[-1], f"{row['wall']:.0f} s", flush=True)
            (chosen.to / "year.json").write_text(json.dumps(rows, indent=1, default=str))

    shared = chosen.to / f"{SHARED}-{chosen.patients}-{chosen.seed}-{chosen.every}{'-linear' * chosen.linear}"
    go(shared, SHARED, [month for month in months if month < BAD_MONTH])
    for scenario in chosen.scenario:
        folder = shared.with_name(shared.name.replace(SHARED, scenario.replace(" ", "_"), 1))
        if not folder.exists():
            with atomic_folder(folder) as begun:
                shutil.copytree(shared, begun, dirs_exist_ok=True)
        go(folder, scenario, months)
    (chosen.to / "year.md").write_text(table(rows) + "\n")
    figure(rows, chosen.to / "year.svg")
    if chosen.write:
        before, _, rest = PAGE.read_text().partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n{table(rows)}\n{END}{rest.partition(END)[2]}")
        shutil.copy(chosen.to / "year.svg", PAGE.parent / "images/year.svg")


if __name__ == "__main__":
    main()
