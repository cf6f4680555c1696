"""The folder of a paper: what is written, and when an earlier one may be replaced."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from echomort.core.errors import UserError
from echomort.core.files import atomic_folder
from echomort.core.fingerprint import digest_file
from echomort.report import intended_use
from echomort.report.build import Page
from echomort.report.drawing.style import InlineSvg, pdf
from echomort.report.exports import exported
from echomort.report.paper.latex import latex_table
from echomort.report.paper.methods import Origin, cited, methods_text
from echomort.report.paper.references import bibliography
from echomort.report.sections.checklist import BY_WHOM
from echomort.report.templating import template

CONTENTS = "contents.json"
"""File of the folder that lists all others with their digests."""
SCHEMA = "echomort-paper"
"""What :data:`CONTENTS` says of itself."""
ANOTHER = "name another folder"


def require_place(folder: Path) -> None:
    """Raise :class:`UserError` where ``folder`` exists, unless it is as :func:`write_paper` left it."""
    if not folder.exists() and not folder.is_symlink():
        return
    listed = _listed(folder)
    if listed is None:
        raise UserError(f"{folder} exists and was not written by this command", ANOTHER)
    there = {str(file.relative_to(folder)) for file in folder.rglob("*") if not file.is_dir()} - {CONTENTS}
    if added := sorted(there - listed.keys()):
        raise UserError(f"{folder} holds {added[0]}, which this command did not write", ANOTHER)
    if changed := sorted(name for name in there if digest_file(folder / name) != listed[name]):
        raise UserError(f"{changed[0]} in {folder} was changed since it was written", ANOTHER)


def write_paper(page: Page, origin: Origin, model_card: Mapping[str, bytes], folder: Path) -> list[str]:
    """Write tables, figures, texts and sources into ``folder``, whole or not at all, and return the paths in it; equal
    data give equal bytes. ``model_card``: the files of the champion's card by name.

    Raises :class:`UserError` where ``folder`` holds anything else: see :func:`require_place`.
    """
    require_place(folder)
    files = paper_files(page, origin) | dict(model_card)
    with atomic_folder(folder) as temporary:
        for name, content in files.items():
            (temporary / name).parent.mkdir(exist_ok=True)
            (temporary / name).write_bytes(content)
        digests = {name: digest_file(temporary / name) for name in sorted(files)}
        (temporary / CONTENTS).write_text(json.dumps({"schema": SCHEMA, "files": digests}, indent=1) + "\n")
    return list(files)


def paper_files(page: Page, origin: Origin) -> dict[str, bytes]:
    """Return path -> content of every file but the model card."""
    data = page.facts.data
    checklist = template("tripod_ai.md.j2", "paper").render(
        synthetic=data.synthetic, note=intended_use.SYNTHETIC_NOTE, by_whom=BY_WHOM, answers=page.answers
    )
    texts = {
        "methods.md": methods_text(page, origin),
        "tripod_ai.md": checklist,
        "references.bib": bibliography(cited(page)),
        **exported(page.sections),
        **_latex_tables(page),
    }
    return {name: text.encode() for name, text in texts.items()} | _pdf_figures(page)


def _latex_tables(page: Page) -> dict[str, str]:
    tables = [table for section in page.sections for table in section.tables if table.rows]
    return {f"tables/{table.label}.tex": latex_table(table) for table in tables}


def _pdf_figures(page: Page) -> dict[str, bytes]:
    """Return the figures as PDF; those that another package draws as SVG of its own have none."""
    pictures = [picture for section in page.sections for picture in section.pictures]
    return {f"figures/{one.name}.pdf": pdf(one.svg.figure) for one in pictures if isinstance(one.svg, InlineSvg)}


def _listed(folder: Path) -> dict[str, Any] | None:
    """Return path -> digest of what an earlier call wrote into ``folder``; None where it is no such folder."""
    try:
        content = json.loads((folder / CONTENTS).read_text())
    except (OSError, ValueError):
        return None
    known = isinstance(content, dict) and content.get("schema") == SCHEMA and isinstance(content.get("files"), dict)
    return content["files"] if known else None
