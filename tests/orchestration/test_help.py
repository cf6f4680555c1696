"""The help pages say what every option is for."""

import click
import pytest
import typer
from typer.testing import CliRunner

from orchestration.cli.__main__ import app


def commands(group: click.Group, name: str = "echomort") -> dict[str, click.Command]:
    """Return every command by its whole name."""
    found: dict[str, click.Command] = {}
    for part, command in group.commands.items():
        inner = getattr(command, "commands", None)
        found |= commands(command, f"{name} {part}") if inner else {f"{name} {part}": command}  # type: ignore[arg-type]
    return found


EVERY = commands(typer.main.get_command(app))  # type: ignore[arg-type]


def test_every_option_says_what_it_is_for() -> None:
    silent = [f"{name} {one.name}" for name, command in EVERY.items() for one in command.params if not one.help]
    assert len(EVERY) > 10 and silent == []


@pytest.mark.parametrize("name", EVERY)
def test_every_help_page_can_be_printed(name: str) -> None:
    done = CliRunner().invoke(app, [*name.split()[1:], "--help"])
    assert done.exit_code == 0 and "Usage" in done.output, done.exception


def test_the_help_of_run_names_the_archive_that_it_writes_and_shows_a_selection() -> None:
    run = EVERY["echomort run"]
    (select,) = [one for one in run.params if one.name == "select"]
    assert "embedded synthetic archive" in run.help and "clips+" in select.help


def test_paragraphs_of_a_help_page_are_broken_by_the_terminal_alone() -> None:
    assert [name for name, command in EVERY.items() if "\n" in (command.help or "").replace("\n\n", "")] == []


def test_the_later_arms_of_a_reader_study_say_whose_home_they_need() -> None:
    for name in ("assist", "analyse"):
        (home,) = [one for one in EVERY[f"echomort readers {name}"].params if one.name == "home"]
        assert "export" in home.help


def test_a_plus_sign_selects_all_that_lies_below_or_above() -> None:
    from orchestration.runs import _selected

    def chosen(selection: str) -> set[str]:
        return {key.to_user_string() for key in _selected(selection)}

    below, above = chosen("clips+"), chosen("+clips")
    assert {"clips", "clip_views", "view_models", "evaluation", "report", "model_card"} <= below
    assert {"clips", "linkage", "dicom_index", "dicom_archive", "ehr_extract"} <= above and "report" not in above
    assert chosen("+clips+") == below | above and chosen("clips") == {"clips"}
