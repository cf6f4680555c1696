"""Fills table ``instance_link``: every readable file with its study, or the reason why it has none."""

from collections.abc import Callable, Mapping

import duckdb
import pandas as pd

from echomort.core.errors import UserError
from echomort.linkage.rules import Records, read_map, require_no_collision, same_numbers
from echomort.settings import Linkage, NumberRule
from warehouse.queries import run

Texts = Callable[[str], Mapping[str, str]]
"""Returns pseudonym -> number of the domain ``patient`` or ``study``: what the vault holds."""


def link_files(connection: duckdb.DuckDBPyConnection, linkage: Linkage, texts: Texts) -> None:
    """Replace table ``instance_link``; call it inside one transaction. ``texts`` is read only where a rule is set.

    Raises :class:`UserError` where a rule makes different patients or studies of the records the same, or where
    ``texts`` lacks numbers that a rule compares.
    """
    run(
        connection,
        "tables/archive/link_begin.sql",
        study_tags=list(linkage.study.tags),
        patient_tags=list(linkage.patient.tags),
    )
    rules: dict[str, NumberRule] = {"study": linkage.study, "patient": linkage.patient}
    for domain, rule in rules.items():
        if not rule.is_exact:
            _apply(connection, domain, rule, texts(domain))
    run(connection, "tables/archive/instance_link.sql")


def _apply(connection: duckdb.DuckDBPyConnection, domain: str, rule: NumberRule, texts: Mapping[str, str]) -> None:
    """Replace which numbers of ``domain`` are the same by what ``rule`` says, each tag by itself."""
    keys: dict[int, list[str]] = {}
    for place, key in run(connection, "tables/archive/link_header_keys.sql", domain=domain).fetchall():
        keys.setdefault(place, []).append(key)
    owners = dict(run(connection, "tables/archive/link_record_keys.sql", domain=domain).fetchall())
    lacking = sum(key not in texts for key in set(owners).union(*keys.values()))
    if lacking:
        raise UserError(
            f"the vault lacks {lacking} numbers that linkage.{domain} compares",
            "restore vault.duckdb from a backup, or delete warehouse.duckdb and run again: all is read anew",
        )
    records = Records({texts[key]: owner for key, owner in owners.items()})
    mapped = read_map(rule.map)
    rows = []
    for place, named in keys.items():
        same = same_numbers([texts[key] for key in named], records, rule, mapped)
        require_no_collision(same, domain)
        rows += [(domain, place, key, same.owners[texts[key]]) for key in named if texts[key] in same.owners]
    run(connection, "tables/archive/link_forget.sql", domain=domain)
    if rows:
        frame = pd.DataFrame(rows, columns=["domain", "place", "key", "owner"])
        connection.append("same_number", frame, by_name=True)
