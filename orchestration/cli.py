"""The ``echomort`` command. Commands that need no graph never load Dagster."""

import contextlib
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
import yaml
from rich.console import Console

from echomort import settings as configuration
from echomort.core.errors import UserError
from echomort.core.files import write_text

PURPOSE = "From a hospital's echo archive and health records to a validated one-year mortality model, kept current."
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=PURPOSE)
fetching = typer.Typer(no_args_is_help=True, help="Fetch echo files from where they lie.")
app.add_typer(fetching, name="fetch")
readers = typer.Typer(no_args_is_help=True, help="A reader study: cardiologists without and with the model.")
app.add_typer(readers, name="readers")
out = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)

Home = Annotated[Path, typer.Option(envvar="ECHOMORT_HOME", help="The project's folder: all that is made lies in it.")]
Config = Annotated[Path | None, typer.Option(envvar="ECHOMORT_CONFIG", help="Settings (YAML); remembered in the home.")]
Set = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One setting; may be repeated.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]

CONFIG_NAME = "echomort.yaml"


@app.command()
def run(
    select: Annotated[
        str | None, typer.Option(help="Assets, in Dagster's selection syntax (default: what is stale).")
    ] = None,
    home: Home = Path("demo"),
    config: Config = None,
    assignments: Set = None,
) -> None:
    """Materialize what is stale: from the archive to the report."""
    home = home.absolute()
    settings = _remembered_settings(home, config, assignments)
    _check_inputs(settings)
    from orchestration import runs, summary

    if not runs.run(home, select):
        out.print("everything stands: nothing to do")
    summary.print_results(settings, out)


@app.command()
def status(home: Home = Path("demo"), as_json: AsJson = False) -> None:
    """Say what stands, what is stale and why."""
    home = _existing(home)
    from orchestration import summary

    summary.print_status(home, out, as_json)


@app.command()
def accept(
    asset: Annotated[str, typer.Argument(help="An asset that new code made stale.")],
    sample: Annotated[int, typer.Option(min=1, help="Units to make again.")] = 20,
    home: Home = Path("demo"),
) -> None:
    """Adopt what new code makes the same: make a sample of an asset's units again, and compare."""
    home = _existing(home)
    from orchestration import runs

    found = runs.accept(home, asset, sample)
    if found.different:
        shown = ", ".join(unit[:16] for unit in found.different[:5])
        raise UserError(
            f"{len(found.different)} of {found.sampled} units of {asset} came out differently ({shown})",
            "none is adopted; `echomort run` makes them all again",
        )
    out.print(f"{asset}: {found.sampled} made again and the same, {found.adopted} adopted")


@app.command()
def ui(home: Home = Path("demo"), port: Annotated[int, typer.Option(min=1, max=65535)] = 3000) -> None:
    """Show the graph in a browser (Dagster's own pages, on this machine only)."""
    from orchestration import runs

    home = home.absolute()
    home.mkdir(parents=True, exist_ok=True)
    os.environ["ECHOMORT_HOME"] = str(home)
    runs.prepare_instance(home)
    command = [sys.executable, "-m", "dagster", "dev", "-m", "orchestration.definitions", "-h", "127.0.0.1"]
    os.execv(sys.executable, [*command, "-p", str(port)])


@app.command()
def synth(
    folder: Annotated[Path, typer.Argument(help="Made new; must not exist yet.")],
    patients: Annotated[int, typer.Option(min=10)] = 100,
    seed: Annotated[int, typer.Option(min=0)] = 1,
    frame_size: Annotated[str, typer.Option(help="small (300x400) or full (600x800)")] = "small",
) -> None:
    """Write a synthetic archive: echo files, health records and, apart from them, the truth."""
    settings = configuration.load_settings(
        flags={
            "sources.synthetic.patients": patients,
            "sources.synthetic.seed": seed,
            "sources.synthetic.frame_size": frame_size,
        },
        environment={},
    )
    if folder.exists():
        raise UserError(f"{folder} exists already", "name a new folder, or remove it first")
    from echomort.synth.archive import write_archive

    assert settings.sources.synthetic is not None
    with _counted("loops") as progress:
        summary = write_archive(folder, settings.sources.synthetic, settings.execution.cores, progress)
    out.print(f"{folder}: {summary.patients} patients, {summary.studies} studies, {summary.files} files")


@app.command()
def inspect(
    paths: Annotated[list[Path], typer.Argument(help="Echo files or folders.")],
    as_json: AsJson = False,
    save: Annotated[Path | None, typer.Option(help="Folder for the clips (.npy) and contact sheets (.png).")] = None,
    home: Annotated[Path | None, typer.Option(help="Read files as this project does (default: as published).")] = None,
    config: Annotated[Path | None, typer.Option(help="Read files as these settings (YAML) say.")] = None,
) -> None:
    """Say of every file: accepted or rejected with its reason, timing, region, view."""
    _require(paths)
    from echomort.dicom import inspect_paths
    from orchestration.lines import inspected

    inspections = inspect_paths(paths, _settings_of(home, config), save)
    records = (inspection.as_record() for inspection in inspections)
    _print_records(records, inspected, as_json)


@app.command()
def predict(
    paths: Annotated[list[Path], typer.Argument(help="Echo files, folders, or clips saved by inspect (.npy).")],
    home: Home = Path("demo"),
    view: Annotated[str | None, typer.Option(help="The view, where the files do not say.")] = None,
    as_json: AsJson = False,
) -> None:
    """Score echo files with the champion: the model that stands in the home's registry."""
    _require(paths)
    if not home.is_dir():
        raise UserError(f"no project stands at {home}", "run `echomort run` first, or name it with --home")
    from echomort.champion.predict import predict_paths
    from orchestration.lines import predicted

    _print_records(predict_paths(paths, home.absolute() / "registry", view), predicted, as_json)


@app.command()
def risk(
    score: Annotated[Literal["pce", "prevent", "shfm", "maggic"], typer.Argument(help="Which clinical score.")],
    table: Annotated[Path, typer.Argument(help="CSV; columns as in docs/clinical_scores.md.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="CSV to write (default: standard output).")
    ] = None,
    out_of_range: Annotated[Literal["strict", "clamp", "extrapolate"], typer.Option()] = "strict",
) -> None:
    """Compute a clinical score for every row of a table."""
    _require([table])
    from echomort.clinical_scores.table import score_file

    content = score_file(score, table, out_of_range).to_csv(index=False)
    if not output:
        return typer.echo(content, nl=False)
    try:
        write_text(output, content)
    except OSError:
        raise UserError(f"{output} can't be written", "name a file in a folder that you may write to") from None


@fetching.command()
def dicomweb(
    url: Annotated[str, typer.Argument(help="The service's address, for example https://pacs/dicom-web.")],
    to: Annotated[Path, typer.Option(help="Folder to fill: name it as sources.dicom.")],
    since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Studies of this day or later.")] = None,
    study: Annotated[list[str] | None, typer.Option(help="A StudyInstanceUID; may be repeated.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Fetch even what lies there already.")] = False,
) -> None:
    """Fetch ultrasound objects by QIDO-RS and WADO-RS, as they are stored; what is there stays."""
    from echomort.sources.dicomweb import Query, fetch

    query = Query(since.date() if since else None, tuple(study or ()), again)
    with _counted("objects") as progress:
        found = fetch(url, to, query, lambda so_far: progress(so_far.total, so_far.total))
    out.print(f"{to}: {found.new} new, {found.replaced} replaced, {found.there} there already, {found.failed} failed")
    if found.failed:
        raise UserError(f"{found.failed} objects could not be fetched", "run again: only these are missing")


@readers.command()
def export(
    folder: Annotated[Path, typer.Argument(help="Made new: what the readers are given.")],
    home: Home = Path("demo"),
    view: Annotated[str, typer.Option(help="The view shown.")] = "parasternal_long",
    cases: Annotated[int | None, typer.Option(min=2, help="How many (default: all that balance).")] = None,
    count: Annotated[int, typer.Option("--readers", min=1, max=99, help="Pages to write: R1, R2 and so on.")] = 4,
) -> None:
    """Freeze cases and the model's answers to them, and write the first arm: without the model."""
    settings = _project_settings(home)
    from echomort.reader_study.answers import UNAIDED
    from echomort.reader_study.bundle import must_be_new
    from echomort.reader_study.cases import Asked
    from orchestration.readers import bundle, frozen

    must_be_new(folder)
    with _counted("cases") as progress:
        study = frozen(settings, Asked(_view(view), cases, count, settings.evaluation.seed), progress)
    bundle(study, folder, UNAIDED, out)


@readers.command()
def assist(
    folder: Annotated[Path, typer.Argument(help="Made new: what the readers are given.")], home: Home = Path("demo")
) -> None:
    """Write the second arm: the same cases with the model's answer, to be read weeks after the first."""
    settings = _project_settings(home)
    from echomort.reader_study.answers import AIDED
    from echomort.reader_study.cases import Study
    from orchestration.readers import bundle

    bundle(Study.load(settings.home), folder, AIDED, out)


@readers.command()
def analyse(
    paths: Annotated[list[Path], typer.Argument(help="Answers: CSV files, or folders that hold them.")],
    home: Home = Path("demo"),
) -> None:
    """Check the answers, print what the study found and write it into the home."""
    _require(paths)
    settings = _project_settings(home)
    from orchestration.readers import answers_of

    answers_of(paths, settings, out)


@app.command()
def receive(
    to: Annotated[Path, typer.Option(help="Folder to fill: name it as sources.dicom.")],
    port: Annotated[int, typer.Option(min=1, max=65535)] = 11112,
    aet: Annotated[str, typer.Option(help="Our application entity title.", show_default=True)] = "ECHOMORT",
    host: Annotated[
        str, typer.Option(help="Address to listen on; others than this machine reach 0.0.0.0.")
    ] = "127.0.0.1",
    sender: Annotated[list[str] | None, typer.Option(help="An AE title that may send; may be repeated.")] = None,
) -> None:
    """Receive ultrasound objects (C-STORE) into a folder until interrupted."""
    from echomort.sources.receiver import Station, receiving

    counts = dict.fromkeys(("new", "same", "replaced"), 0)

    def landed(how: Literal["new", "same", "replaced"]) -> None:
        counts[how] += 1

    station = Station(port, aet, host, tuple(sender or ()))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with receiving(to, station, landed) as (address, listened), contextlib.suppress(KeyboardInterrupt):
        out.print(f"{aet} listens on {address}:{listened}; Ctrl-C ends it")
        threading.Event().wait()
    out.print(f"{to}: {counts['new']} new, {counts['replaced']} replaced, {counts['same']} there already")


def _remembered_settings(home: Path, config: Path | None, assignments: list[str] | None) -> configuration.Settings:
    """Return the settings given now over those that the home remembers, and make it remember the result."""
    own = home / CONFIG_NAME
    file = config or (own if own.exists() else None)
    given = configuration.gather(file, configuration.parse_flags(assignments or []))
    settings = configuration.validate(given | {"home": str(home)})
    write_text(own, yaml.safe_dump(given, sort_keys=True))
    os.environ["ECHOMORT_HOME"] = str(home)
    os.environ.pop("ECHOMORT_CONFIG", None)
    return settings


def _check_inputs(settings: configuration.Settings) -> None:
    """Refuse at once what would fail minutes later: no key, no archive, no records."""
    from echomort.core.keys import load_keyring
    from echomort.core.listing import list_files

    load_keyring(settings.privacy.key_file, settings.is_synthetic)
    if not settings.is_synthetic:
        if not isinstance(settings.sources.dicom, str):  # object storage is asked by the first asset
            list_files(settings.dicom_root, "sources.dicom")
        if settings.ehr_root:
            list_files(settings.ehr_root, "sources.ehr")
        if settings.sources.postgresql:
            from warehouse.adapters.postgresql import snapshot

            with snapshot(settings.sources.postgresql):
                pass


def _existing(home: Path) -> Path:
    if not (home / "warehouse.duckdb").exists():
        raise UserError(f"no project stands at {home}", "run `echomort run` first, or name it with --home")
    os.environ["ECHOMORT_HOME"] = str(home.absolute())
    return home.absolute()


def _project_settings(home: Path) -> configuration.Settings:
    """Return the settings of a project that has been run."""
    home = _existing(home)
    return configuration.load_settings(home / CONFIG_NAME, {"home": str(home)})


def _view(view: str) -> str:
    from echomort.dicom.header.views import check_group

    try:
        return check_group(view)
    except ValueError as error:
        problem, _, remedy = str(error).partition("; ")
        raise UserError(f"--view: {problem}", remedy) from None


def _require(paths: list[Path]) -> None:
    for path in paths:
        if not path.exists():
            raise UserError(f"{path} does not exist", "name a file or a folder that does")


def _settings_of(home: Path | None, config: Path | None) -> configuration.Settings:
    """Return the settings of a project or a file; the published ones where neither is named."""
    if home is None and config is None:
        return configuration.Settings()
    own = None if home is None else home / CONFIG_NAME
    if own is not None and not own.exists():
        raise UserError(f"no project stands at {home}", "run `echomort run` first, or name it with --home")
    return configuration.load_settings(config or own)


def _print_records(
    records: Iterable[dict[str, Any]], spoken: Callable[[Iterable[dict[str, Any]]], Iterable[str]], as_json: bool
) -> None:
    for line in map(json.dumps, records) if as_json else spoken(records):
        out.print(line)


class _counted:
    """A progress callback: a bar on a terminal, nothing elsewhere."""

    def __init__(self, unit: str) -> None:
        from rich.progress import Progress

        self.bar = Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())
        self.task = self.bar.add_task(unit, total=None)

    def __enter__(self) -> "_counted":
        self.bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.bar.stop()

    def __call__(self, done: int, total: int) -> None:
        self.bar.update(self.task, completed=done, total=total)


def main() -> None:
    """Run the command; a person's error is one line and status 2."""
    try:
        app()
    except UserError as error:
        Console(stderr=True, highlight=False, markup=False, soft_wrap=True).print(f"echomort: {error}")
        sys.exit(2)


if __name__ == "__main__":
    main()
