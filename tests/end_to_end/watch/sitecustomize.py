"""Writes down, stage by stage, of which of the product's files code runs and which are opened (``ECHOMORT_WATCHED``).

Put on ``PYTHONPATH``, it watches a process and all that it starts. A module that is merely imported does not count: it
decides nothing until one of its functions runs, or one of its values is read by a function that does.

Each function of the product is compiled with a line in front that says so. Python's own hooks would be called by every
function of every library too, which is most of the time of such a run.
"""

import ast
import builtins
import contextlib
import json
import os
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path

PRODUCT = str(Path(__file__).parents[3])
FOLDERS = ("echomort", "warehouse", "assets")
STAGE = "ECHOMORT_WATCHED_STAGE"

_relative: dict[str, str | None] = {}
_seen: set[tuple[str, str]] = set()
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


def runs(file: str) -> None:
    """Note ``file``, a function of which runs, unless it is being imported: it may be called again."""
    stage = _stage[0]
    if stage and (stage, file) not in _seen and not is_importing(sys._getframe(1)):
        note(file)


class _Told(ast.NodeTransformer):
    """Puts a call of :func:`runs` in front of every function, and of the module."""

    def __init__(self, file: str) -> None:
        self.call = ast.Call(ast.Name("__echomort_runs__", ast.Load()), [ast.Constant(file)], [])

    def body(self, node):
        """Put the call behind the docstring, and what must stand before everything else."""
        self.generic_visit(node)
        first = sum(isinstance(one, ast.ImportFrom) and one.module == "__future__" for one in node.body)
        node.body.insert(first + (ast.get_docstring(node) is not None), ast.Expr(self.call))
        return node

    visit_Module = visit_FunctionDef = visit_AsyncFunctionDef = body

    def visit_Lambda(self, node):
        """Let the value be the second of two, of which the call is the first."""
        self.generic_visit(node)
        both = ast.Tuple([self.call, node.body], ast.Load())
        node.body = ast.Subscript(both, ast.Constant(1), ast.Load())
        return node


def compile_with_calls() -> None:
    """Let every module of the product be compiled with the calls; what is compiled is kept apart from the usual."""
    usual_code, usual_compilation = SourceFileLoader.get_code, SourceFileLoader.source_to_code

    def get_code(self, name):
        if relative(self.path) is None:
            return usual_code(self, name)
        before, sys.pycache_prefix = sys.pycache_prefix, os.environ["ECHOMORT_WATCHED"] + ".compiled"
        try:
            return usual_code(self, name)
        finally:
            sys.pycache_prefix = before

    def source_to_code(self, data, path, **options):
        file = relative(path)
        if file is not None:
            data = ast.fix_missing_locations(_Told(file).visit(ast.parse(data)))
        return usual_compilation(self, data, path, **options)

    builtins.__echomort_runs__ = runs
    SourceFileLoader.get_code, SourceFileLoader.source_to_code = get_code, source_to_code


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
    """Let the one place in which a stage works say which it is; note texts that are read once a process at each use."""
    import jinja2

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
        note(f"warehouse/{name}")
        return text_of(name)

    queries.query = query
    begin, load = jinja2.Template.new_context, jinja2.Environment.get_template

    def new_context(self, *arguments, **named):
        note(relative(self.filename or ""))
        return begin(self, *arguments, **named)

    def get_template(self, *arguments, **named):
        template = load(self, *arguments, **named)
        note(relative(template.filename or ""))
        return template

    jinja2.Template.new_context, jinja2.Environment.get_template = new_context, get_template


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
    compile_with_calls()
