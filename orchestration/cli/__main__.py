"""The ``echomort`` command. Commands that need no graph never load Dagster."""

import atexit
import codecs
import gc
import inspect
import locale
import os
import sys
import threading
from collections.abc import Callable
from typing import Annotated

import typer
from rich.console import Console

from echomort.core.errors import UserError
from echomort.core.files import storage_error
from echomort.version import __version__
from orchestration.cli.accept import accept
from orchestration.cli.adapter import check, new
from orchestration.cli.champion import export as export_champion
from orchestration.cli.champion import list_candidates, promote, rollback, show
from orchestration.cli.compare import compare
from orchestration.cli.config import show as show_settings
from orchestration.cli.doctor import doctor
from orchestration.cli.erase import erase
from orchestration.cli.experiment import experiment
from orchestration.cli.explain import explain
from orchestration.cli.export import export as export_clips
from orchestration.cli.fetch import dicomweb, pacs, video
from orchestration.cli.init import init
from orchestration.cli.inspect import inspect as inspect_files
from orchestration.cli.labels import labels
from orchestration.cli.link import link
from orchestration.cli.paper import paper
from orchestration.cli.predict import predict
from orchestration.cli.readers import analyse, assist, export
from orchestration.cli.receive import receive
from orchestration.cli.records import records
from orchestration.cli.rekey import rekey
from orchestration.cli.result import result
from orchestration.cli.risk import risk
from orchestration.cli.run import run
from orchestration.cli.scores import scores
from orchestration.cli.status import status
from orchestration.cli.synth import synth
from orchestration.cli.trace import trace
from orchestration.cli.ui import environment, ui
from orchestration.cli.validate import validate
from orchestration.cli.verify import verify
from orchestration.cli.weights import import_weights, score

PURPOSE = "From a hospital's echo archive and health records to a validated one-year mortality model, kept current."
COMMANDS = (
    init,
    run,
    status,
    verify,
    doctor,
    trace,
    erase,
    rekey,
    records,
    link,
    experiment,
    accept,
    ui,
    synth,
    inspect_files,
    export_clips,
    paper,
    compare,
    predict,
    result,
    explain,
    scores,
    validate,
    labels,
    risk,
    receive,
)
"""The commands in the order of the help page."""

OBJECTS_BETWEEN_SEARCHES = 50_000
"""New objects after which Python searches for garbage. Measured: with its own 700, a seventh of a run of the records
was such searches, and what is imported is no garbage."""

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help=PURPOSE)
fetch = typer.Typer(no_args_is_help=True, help="Fetch echo files from a server, or from videos.")
config = typer.Typer(no_args_is_help=True, help="The settings of a project.")
adapter = typer.Typer(no_args_is_help=True, help="The SQL that reads a hospital's own layout of its records.")
champion = typer.Typer(no_args_is_help=True, help="The model that predicts.")
readers = typer.Typer(no_args_is_help=True, help="A reader study: cardiologists without and with the model.")
weights = typer.Typer(
    no_args_is_help=True, help="The network that the authors published, from your copy of its weights."
)


def print_version(requested: bool) -> None:
    """Print the version and exit, if ``requested``."""
    if requested:
        typer.echo(f"echomort {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Take the options before the command."""


def register(group: typer.Typer, command: Callable[..., None], name: str | None = None) -> None:
    """Add ``command`` to ``group``, with its docstring as help. The lines of a paragraph are joined: the page breaks
    them at the width of the terminal."""
    paragraphs = inspect.cleandoc(command.__doc__ or "").split("\n\n")
    group.command(name, help="\n\n".join(" ".join(part.split()) for part in paragraphs))(command)


for group, commands in ((app, COMMANDS), (fetch, (dicomweb, pacs, video)), (readers, (export, assist, analyse))):
    for command in commands:
        register(group, command)
register(app, environment, "env")
register(config, show_settings, "show")
register(champion, list_candidates, "list")
register(champion, show)
register(champion, rollback)
register(champion, promote)
register(champion, export_champion, "export")
register(adapter, new)
register(adapter, check)
register(weights, import_weights, "import")
register(weights, score)
app.add_typer(config, name="config")
app.add_typer(adapter, name="adapter")
app.add_typer(champion, name="champion")
app.add_typer(fetch, name="fetch")
app.add_typer(readers, name="readers")
app.add_typer(weights, name="weights")


def use_utf8() -> None:
    """Begin this process anew in Python's UTF-8 mode where the locale has another encoding (Latin-1): settings are
    UTF-8, and DuckDB would look for a home with an umlaut in another place than Python."""
    if not sys.flags.utf8_mode and codecs.lookup(locale.getencoding()).name != "utf-8":
        os.environ["PYTHONUTF8"] = "1"  # of child processes
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])


def process() -> None:
    """Run the command and end its process, without letting go of a million objects one by one: that took a tenth of a
    run of the records.

    First is done what was registered for the end. While a thread still works, or if the output can't be written, the
    process ends as Python ends it.
    """
    use_utf8()
    try:
        main()
    except SystemExit as leaving:
        others = [thread for thread in threading.enumerate() if thread is not threading.main_thread()]
        if not isinstance(leaving.code, int) or not all(thread.daemon for thread in others):
            raise
        atexit._run_exitfuncs()  # as multiprocessing does in a process that it ends
        try:
            for stream in filter(None, (sys.stdout, sys.stderr)):
                stream.flush()
        except (OSError, ValueError):
            raise leaving from None
        os._exit(leaving.code)


def main() -> None:
    """Run the command; a :class:`UserError`, and a file that is no Python, is one line, with exit status 2."""
    gc.set_threshold(OBJECTS_BETWEEN_SEARCHES)
    try:
        app(prog_name="echomort")
    except UserError as error:
        fail(str(error))
    except SyntaxError as error:
        fail(f"{error.filename}, line {error.lineno} is no Python ({error.msg}): correct the file, or install it again")
    except Exception as error:  # the boundary of the process: a full or read-only disk may meet any line
        known = storage_error(error)
        if known is None:
            raise
        fail(str(known))


def fail(problem: str) -> None:
    """Print ``problem`` in one line and exit with status 2."""
    Console(stderr=True, highlight=False, markup=False, soft_wrap=True).print(f"echomort: {problem}")
    sys.exit(2)


if __name__ == "__main__":
    process()
