"""Writes down, stage by stage, of which of the product's files code runs and which are opened (``ECHOMORT_WATCHED``).

Put on ``PYTHONPATH``, it watches a process and all that it starts. A module that is merely imported does not count: it
decides nothing until one of its functions runs, or one of its values is read by a function that does.
"""

import contextlib
import json
import os
import sys
import threading
from pathlib import Path

PRODUCT = str(Path(__file__).parents[3])
FOLDERS = ("echomort", "warehouse", "assets")
STAGE = "ECHOMORT_WATCHED_STAGE"

_relative: dict[str, str | None] = {}
_seen: set[tuple[str, str]] = set()
_judged: set[tuple[str | None, object]] = set()
"""Functions that have run while a stage worked, each with the stage: most calls are repetitions."""
_stage: list[str | None] = [os.environ.get(STAGE)]
"""The stage that works now: also in the environment, for the processes that it starts."""


def relative(path: str) -> str | None:
    """Return ``path`` below the product, or None where it is no file of it."""
    if path not in _relative:
        inside = path[len(PRODUCT) + 1 :] if path.startswith(PRODUCT + os.sep) else ""
        _relative[path] = inside if inside.partition("/")[0] in FOLDERS else None
    return _relative[path]


def note(file: str | None) -> None:
    """Write ``file`` down for the stage that works now, at once: a process may end without a word."""
    stage = _stage[0]
    if stage and file and (stage, file) not in _seen:
        _seen.add((stage, file))
        with open(Path(os.environ["ECHOMORT_WATCHED"]) / str(os.getpid()), "a") as out:
            out.write(json.dumps([stage, file]) + "\n")


def called(frame, event, argument) -> None:
    """Note the file of a function that runs."""
    stage = _stage[0]
    if stage is None or event != "call" or (stage, frame.f_code) in _judged:
        return
    file = relative(frame.f_code.co_filename)
    if file and (stage, file) not in _seen:
        if is_importing(frame):
            return  # it may be called again
        note(file)
    _judged.add((stage, frame.f_code))


def is_importing(frame) -> bool:
    """Return whether the frame runs because a module of the product is being imported: class bodies, decorators."""
    while frame is not None:
        if frame.f_code.co_name == "<module>" and relative(frame.f_code.co_filename):
            return frame.f_globals.get("__name__") != "__main__"
        frame = frame.f_back
    return False


def opened(event: str, arguments: tuple) -> None:
    """Note a file of SQL or data that is opened."""
    if event == "open" and isinstance(arguments[0], str) and not arguments[0].endswith((".py", ".pyc", ".so", ".json")):
        note(relative(arguments[0]))


def _name_stage(name: str | None) -> None:
    _stage[0] = name
    if name:
        os.environ[STAGE] = name
    else:
        os.environ.pop(STAGE, None)


def watch_stages() -> None:
    """Let the one place in which a stage works say which it is."""
    from assets.incremental import Stage
    from warehouse import queries

    works = Stage.working

    @contextlib.contextmanager
    def working(stage):
        before = _stage[0]
        with works(stage):
            _name_stage(stage.name)
            try:
                yield
            finally:
                _name_stage(before)

    Stage.working = working
    text_of = queries.query

    def query(name):
        note(f"warehouse/{name}")  # the text itself is read once a process
        return text_of(name)

    queries.query = query


class _AtImport:
    """Wraps :func:`watch_stages` around the import of the module that it changes."""

    def find_spec(self, name, path=None, target=None):
        """Patch the class as soon as its module has been imported by somebody else."""
        module = sys.modules.get("assets.incremental")
        if module is not None and hasattr(module, "UnitStage"):
            sys.meta_path.remove(self)
            watch_stages()


if os.environ.get("ECHOMORT_WATCHED"):
    sys.meta_path.insert(0, _AtImport())
    sys.addaudithook(opened)
    sys.setprofile(called)
    threading.setprofile(called)
