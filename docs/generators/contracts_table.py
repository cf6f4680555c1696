"""``python -m docs.generators.contracts_table`` prints docs/contracts.md: what each adapter reads, and into what."""

from collections.abc import Iterator

import typer

from warehouse.adapters.extract import adapters, contract, origins

HEAD = """# What the adapters read

Made by `python -m docs.generators.contracts_table` from the adapters' own `contract.csv` and `origins.csv`; how they
read it is in [adapters.md](adapters.md). *needed*: **yes**; **with table** (the table may be missing, this column of
it may not); no (null where it is missing). Other columns and tables are not looked at.
"""
NEEDED = {"yes": "**yes**", "with_table": "**with table**", "no": "no"}


def lines() -> Iterator[str]:
    """Yield the page line by line."""
    yield from HEAD.splitlines()
    for adapter in adapters():
        yield from ["", f"## `{adapter}`", "", "| table | column | needed | type | meaning |", "|---|---|---|---|---|"]
        last = ""
        for one in contract(adapter):
            title = "" if one.table == last else f"`{one.table}`"
            yield f"| {title} | `{one.name}` | {NEEDED[one.required]} | {one.type} | {one.meaning} |"
            last = one.table
        yield from _origins(adapter)


def _origins(adapter: str) -> Iterator[str]:
    found = origins(adapter)
    if found:
        yield from ["", "| canonical column | comes from |", "|---|---|"]
        yield from (f"| `{table}.{column}` | {origin} |" for (table, column), origin in found.items())


def main() -> None:
    """Print the page."""
    for line in lines():
        typer.echo(line)


if __name__ == "__main__":
    main()
