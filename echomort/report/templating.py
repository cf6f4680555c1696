"""The templates of the report, the model card and the validation."""

import functools
from importlib import resources

import jinja2


@functools.cache
def template(name: str, folder: str = "templates") -> jinja2.Template:
    """Return the template ``name`` of a ``folder`` of this package. What is printed in HTML is escaped, and every name
    that is used must be given; the filter ``markdown`` escapes what is printed in Markdown."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("echomort.report", folder),
        autoescape=".html" in name,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["markdown"] = _markdown
    return environment.get_template(name)


def style() -> str:
    """Return the style sheet that every page carries inside it."""
    return resources.files(__package__).joinpath("templates/report.css").read_text()


def _markdown(text: str) -> str:
    """Return ``text`` so that Markdown prints it as it is, also in a cell of a table."""
    escaped = "".join(f"\\{character}" if character in "\\`*_[]<>|#" else character for character in text)
    return " ".join(escaped.split())
