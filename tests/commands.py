"""Whether a command that a file or a page names exists, with its options; it is read and not carried out."""

import importlib
from pathlib import Path
from typing import Any

import click

MODULES = {
    "orchestration.webserver": "dagster_webserver.cli:dagster_webserver",
    "orchestration.daemon": "dagster._daemon.cli:create_dagster_daemon_cli",
    "dagster": "dagster._cli:create_dagster_cli",
}
"""The commands that the services run, and the click command that reads their options."""


def accepts(command: list[str]) -> None:
    """Raise if the product has no such command, or the command no such option."""
    program, *rest = command
    if Path(program).name == "echomort":
        from typer.main import get_command

        from orchestration.cli.__main__ import app

        return parsed(get_command(app), rest)
    assert Path(program).name == "python"
    assert {"-P", "-m"} >= set(rest[: rest.index("-m") + 1])
    module, *options = rest[rest.index("-m") + 1 :]
    if module != "dagster":
        assert hasattr(importlib.import_module(module), "main")
    where, _, name = MODULES[module].partition(":")
    found = getattr(importlib.import_module(where), name)
    return parsed(found if isinstance(found, click.Command) else found(), options)


def parsed(command: Any, arguments: list[str]) -> None:
    """Raise if ``command``, or the command below it, does not take ``arguments``."""
    while hasattr(command, "commands"):
        assert arguments[0] in command.commands, arguments
        command, arguments = command.commands[arguments[0]], arguments[1:]
    command.make_parser(click.Context(command)).parse_args(list(arguments))
