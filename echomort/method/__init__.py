"""The method as its authors wrote it, as data: each fact with where it was read and what it decides here.

The method is that of Ulloa Cerna et al., Nature Biomedical Engineering 2021;5:546-554. ``preprint`` is arXiv 1811.10553
version 2 of 14 May 2019 (42 pages, with the extended tables), ``authors' code`` their published AP4 network and its
demo, ``journal`` the journal's abstract and figure titles. ``recalled`` stands in no source that was read, ``ours`` is
this project's choice. Only the first three may be called published.
"""

import csv
import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Status = Literal["preprint", "authors' code", "journal", "recalled", "ours"]
PUBLISHED: tuple[Status, ...] = ("preprint", "authors' code", "journal")
"""What was read in a source of the method."""
FACTS = Path(__file__).with_name("facts.csv")
DIFFERENCES = Path(__file__).with_name("differences.csv")
SOURCES = {
    "preprint": "arXiv 1811.10553",
    "authors' code": "geisinger-echo-mortality",
    "journal": "Nat. Biomed. Eng. 2021",
}
"""How a report names the source of a published fact."""


@dataclass(frozen=True)
class Fact:
    """One fact of the method. ``source`` is a page, table or place of what ``status`` names; ``decides`` is
    ``setting:KEY``, whose value in preset ``paper`` is then ``value`` as YAML, ``network:NAME``, ``file:PATH`` or
    ``experiment:NAME``, whose results stand beside it; empty where the product does not follow it."""

    topic: str
    name: str
    value: str
    unit: str
    status: Status
    source: str
    decides: str

    @property
    def setting(self) -> str | None:
        """The key of the setting that the fact decides, if it decides one."""
        kind, _, key = self.decides.partition(":")
        return key if kind == "setting" else None


@functools.cache
def facts(topic: str | None = None) -> tuple[Fact, ...]:
    """Return the facts in the order of their file, all or those of ``topic``."""
    with FACTS.open(encoding="utf-8", newline="") as file:
        rows: list[Any] = list(csv.DictReader(file))  # a test compares columns and status words with those of Fact
    return tuple(Fact(**row) for row in rows if topic in (None, row["topic"]))


@functools.cache
def differences() -> dict[str, str]:
    """Return the settings in which preset ``standard`` differs from ``paper``, each with the reason."""
    with DIFFERENCES.open(encoding="utf-8", newline="") as file:
        return {row["setting"]: row["reason"] for row in csv.DictReader(file)}
