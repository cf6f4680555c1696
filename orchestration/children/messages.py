"""What a child process says to its step, through a file."""

import contextlib
import json
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_pipes import PipesDefaultMessageWriter

from orchestration.lines import whole_lines

LOOK_SECONDS = 0.05
"""Seconds between two looks at the file: a person sees no delay, and a look costs microseconds."""


class FileMessages(dg.PipesMessageReader):
    """Reads messages from a file as :class:`dagster.PipesTempFileMessageReader` does, but never half of one.

    While a process writes a message, a part of it may be in the file. Dagster's reader takes that for the message and
    fails; all later ones are lost, an error that a person is meant to read among them.
    """

    @contextlib.contextmanager
    def read_messages(self, handler: Any) -> Iterator[dict[str, Any]]:
        """Pass the messages of the block's process to ``handler``; yield how the process finds the file."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "messages"
            path.touch()
            over = threading.Event()
            reader = threading.Thread(target=_pass_on, args=(path, handler, over), daemon=True)
            reader.start()
            try:
                yield {PipesDefaultMessageWriter.FILE_PATH_KEY: str(path)}
            finally:
                over.set()
                reader.join()

    def no_messages_debug_text(self) -> str:
        """Return where messages were looked for, which Dagster says where none came."""
        return "Attempted to read messages from a temporary file."


def _pass_on(path: Path, handler: Any, over: threading.Event) -> None:
    try:
        for line in whole_lines(path, over, LOOK_SECONDS):
            handler.handle_message(json.loads(line))
    except Exception:
        handler.report_pipes_framework_exception("the reader of messages", sys.exc_info())
        raise
