"""``echomort ui`` loads the graph, whatever lies in the folder from which it is started."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from projects import clean_environment

ROOT = Path(__file__).parents[2]
PACKAGES = ("orchestration", "assets", "echomort", "warehouse")
LOCATION = """{ workspaceOrError { ... on Workspace { locationEntries {
    locationOrLoadError { __typename ... on PythonError { message } } } } } }"""


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """The address of pages that were started from a folder that holds folders of the product's names."""
    for package in PACKAGES:
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("raise AssertionError('not the installed package')\n")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [sys.executable, "-P", "-m", "orchestration.cli", "ui", "--home", "home", "--port", port]
    environment = clean_environment() | {"PYTHONPATH": str(ROOT)}
    with (tmp_path / "said").open("wb") as said:
        started = subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=said, stderr=subprocess.STDOUT, process_group=0
        )
    yield f"http://127.0.0.1:{port}/graphql"
    for ending in (signal.SIGTERM, signal.SIGKILL):  # Dagster's processes may wait for an interrupt that is ignored
        with contextlib.suppress(subprocess.TimeoutExpired, ProcessLookupError):
            os.killpg(started.pid, ending)
            started.wait(timeout=20)


def asked(address: str, query: str, said: Path, seconds: float = 360) -> str:
    """What the pages answer to ``query``, once they are there: in a quarter of a minute where nothing else runs, in
    minutes beside other tests. ``said`` is what their process wrote."""
    request = urllib.request.Request(
        address, json.dumps({"query": query}).encode(), {"Content-Type": "application/json"}
    )
    until = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return str(answer.read().decode())
        except (urllib.error.URLError, ConnectionError):
            assert time.monotonic() < until, f"the pages never came: {said.read_text()[-2000:]}"
            time.sleep(1)


@pytest.mark.slow
def test_the_graph_loads_from_a_folder_that_holds_folders_of_the_same_names(address: str, tmp_path: Path) -> None:
    answer = asked(address, LOCATION, tmp_path / "said")
    assert '"RepositoryLocation"' in answer, answer[:1000]
