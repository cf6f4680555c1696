"""The pages answer requests for this machine only, and Dagster's own commands use the home's instance."""

import asyncio
import os
import shlex
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from projects import Home
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from orchestration import webserver


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:3000", 200),
        ("localhost:3000", 200),
        ("localhost", 200),
        ("evil.example", 400),
        ("127.0.0.1.evil.example:3000", 400),
        ("localhost.evil.example", 400),
        ("", 400),
    ],
)
def test_another_name_than_this_machines_is_refused(monkeypatch: pytest.MonkeyPatch, host: str, status: int) -> None:
    pages = Starlette(routes=[Route("/", lambda _: PlainTextResponse("the pages"))])
    monkeypatch.setattr(webserver, "_create", lambda *_, **__: pages)
    assert asyncio.run(answer(webserver.guarded(), host)) == status


async def answer(pages: Starlette, host: str) -> int:
    """The status of what the pages answer to a request that names ``host``."""
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": [(b"host", host.encode())]}
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await pages(scope, receive, send)
    return int(sent[0]["status"])


def test_dagsters_server_is_started_with_the_guard() -> None:
    from dagster_webserver import cli

    assert callable(cli.main) and "create_app_from_workspace_process_context" in vars(cli)


def test_the_printed_environment_is_that_of_the_homes_instance_without_telemetry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path / "a home")
    said = home.here("env")
    assert said.status == 0, said.stderr
    for line in said.stdout.splitlines():
        (assignment,) = shlex.split(line.removeprefix("export "))
        name, _, value = assignment.partition("=")
        monkeypatch.setenv(name, value)
    assert Path(os.environ["ECHOMORT_HOME"]) == home.root
    assert home.root.stat().st_mode & 0o077 == 0
    with dg.DagsterInstance.get() as instance:
        assert Path(instance.root_directory) == home.root / "dagster"
        assert not instance.telemetry_enabled
    assert os.environ["DAGSTER_DISABLE_TELEMETRY"] == "yes"
