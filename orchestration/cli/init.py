"""``echomort init``: asks for what a site needs, checks each answer, and writes its configuration and key."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from echomort.core.errors import UserError
from orchestration.cli.options import out
from orchestration.cli.projects import folder_of

if TYPE_CHECKING:
    from orchestration.site import Answers, Question


def init(  # noqa: PLR0913, PLR0917
    home: Annotated[
        Path, typer.Option(envvar="ECHOMORT_HOME", help="The project's folder, which the first run makes.")
    ] = Path("site"),
    config: Annotated[Path, typer.Option(help="The file to write.")] = Path("site.yaml"),
    dicom: Annotated[str | None, typer.Option(help="Folder of the echo files, or an address (s3://...).")] = None,
    ehr: Annotated[str | None, typer.Option(help="Folder of the health records.")] = None,
    adapter: Annotated[
        str | None, typer.Option(help="How the records are laid out (default: recognised by tables and columns).")
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(help="Encoding of their texts: utf-8 or latin-1 (default: by how they begin).")
    ] = None,
    time_zone: Annotated[str | None, typer.Option(help="Time zone of the hospital; - for none.")] = None,
    extracted_on: Annotated[
        str | None,
        typer.Option(help="Last day whose records the extract has; - (default): newest change of its files."),
    ] = None,
    key: Annotated[str | None, typer.Option(help="File of the key; made, with mode 0600, if there is none.")] = None,
    preset: Annotated[
        str | None, typer.Option(help="standard (default), pilot (fewer than 100 deaths: docs/pilot.md) or paper.")
    ] = None,
    no_input: Annotated[bool, typer.Option("--no-input", help="Ask nothing: take the options and defaults.")] = False,
) -> None:
    """Set up a site: ask for archive, records and key, check each answer, and write a commented configuration.

    What an option says is not asked. Nothing is written before the last answer.
    """
    given = {
        "dicom": dicom, "ehr": ehr, "encoding": encoding, "adapter": adapter, "time_zone": time_zone,
        "extracted_on": extracted_on, "key": key, "preset": preset,
    }  # fmt: skip
    if config.exists():
        raise UserError(f"{config} exists already", "edit it, or name another file with --config")
    if not config.absolute().parent.is_dir():
        raise UserError(f"{config.absolute().parent} is no folder", "name a file in an existing folder with --config")
    from orchestration.site import site_settings, write_site

    start = {"home": folder_of(home), "beside": config.absolute().parent}
    answers = _answers(given, start, asks=not no_input and sys.stdin.isatty())
    site_settings(answers)
    write_site(config, answers)
    out.print(f"written: {config}")
    named = shlex.join(["--config", str(config)])
    out.print(f"look first, which writes nothing: echomort records {named}")
    out.print(f"  and which files link to them: echomort link --explain {named}")
    out.print(f"then: echomort run {shlex.join(['--home', str(home), '--config', str(config)])}")


def _answers(given: dict[str, str | None], start: dict[str, Any], asks: bool) -> dict[str, Any]:
    """Return the checked answer to every question: an option's, a person's, or what is taken where nobody is asked."""
    from orchestration.site import QUESTIONS, needs_key

    open_ones = [question for question in QUESTIONS if question.name != "key" or given["key"] or needs_key()]
    missing = [f"--{one.name}" for one in open_ones if given[one.name] is None and one.otherwise is None]
    if missing and not asks:
        raise UserError(f"nobody can be asked, and {', '.join(missing)} is missing", "name it, or use a terminal")
    if asks:
        out.print("Every answer is checked at once, and nothing is written before the last (Ctrl-C ends).")
    answers = start | {"key": None}
    for question in open_ones:
        text = given[question.name]
        if text is None and not asks and question.otherwise:
            text = question.otherwise(answers)
        answers[question.name] = _asked(question, answers) if text is None else _taken(question, text, answers)
    return answers


def _taken(question: "Question", text: str, answers: "Answers") -> Any:
    checked = question.check(text, answers)
    shown = "none" if checked.value is None else checked.value
    out.print(f"{question.name.replace('_', ' ')}: {shown}{f' ({checked.found})' if checked.found else ''}")
    return checked.value


def _asked(question: "Question", answers: "Answers") -> Any:
    """Ask until the answer can be used."""
    while True:
        suggested = _suggestion(question, answers)
        # Without a default of ours the prompt would ask again on an empty line, and not say why.
        text = str(typer.prompt(question.text, default=suggested or "", show_default=bool(suggested))).strip()
        try:
            if not text:
                raise UserError("nothing was typed", question.wanted)
            checked = question.check(text, answers)
        except UserError as error:
            out.print(f"  {error}")
        else:
            if checked.found:
                out.print(f"  {checked.found}")
            return checked.value


def _suggestion(question: "Question", answers: "Answers") -> str | None:
    try:
        return question.suggest(answers)
    except UserError as error:
        out.print(f"  {error}")
        return None
