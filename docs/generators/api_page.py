"""``python -m docs.generators.api_page`` prints docs/api.md: the public names, from their docstrings."""

import inspect
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import typer
from pydantic import BaseModel

import echomort

HEAD = """# The Python API

Made by `python -m docs.generators.api_page` from the docstrings. These names are public: `import echomort`, then
`echomort.NAME`. How they are used together is in [python.md](python.md). Another module may change without notice.
"""

EXAMPLE = re.compile(r"^>>>.*?\n\n", re.MULTILINE | re.DOTALL)
ROLE = re.compile(r":(?:class|func|mod|data|meth):`~?([\w.]+)`")


def lines() -> Iterator[str]:
    """Yield the lines of the page."""
    yield from HEAD.splitlines()
    for name in sorted(echomort.__all__, key=str.lower):
        value = getattr(echomort, name)
        if name == "__version__":
            continue
        yield from ("", f"## {name}", "")
        yield from _entry(name, value)
        if inspect.isclass(value):
            yield from _members(value)


def _entry(name: str, value: Any) -> Iterator[str]:
    if is_dataclass(value):
        yield f"`{name}`: a record with {', '.join(f'`{one.name}`' for one in fields(value))}."
    elif not (inspect.isclass(value) and issubclass(value, BaseModel)):
        yield f"`{name}{_signature(value)}`"
    yield from ("", *_text(value))


def _signature(value: Any) -> str:
    found = inspect.signature(value)
    bare = [one.replace(annotation=inspect.Parameter.empty) for one in found.parameters.values() if one.name != "self"]
    return re.sub(r"<[^>]*>", "...", str(inspect.Signature(bare)))


def _members(value: type) -> Iterator[str]:
    if value.__module__ != "warehouse.project":
        return
    for name, member in vars(value).items():
        if name.startswith("_") or not (callable(member) or isinstance(member, property)):
            continue
        shown = name if isinstance(member, property) else f"{name}{_signature(member)}"
        yield from ("", f"### {name}", "", f"`{shown}`", "", *_text(member))


def _text(value: Any) -> list[str]:
    """Return the docstring as Markdown: no examples, and names in single backquotes."""
    text = EXAMPLE.sub("", (inspect.getdoc(value) or "") + "\n\n")
    return ROLE.sub(r"`\1`", text).replace("``", "`").strip().splitlines()


def main() -> None:
    """Print the page."""
    for line in lines():
        typer.echo(line)


if __name__ == "__main__":
    main()
