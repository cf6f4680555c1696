"""What mkdocs does before it reads a page: our pages are Markdown as code hosts read it, which is a little wider."""

import re
from typing import Any

LIST = re.compile(r"\s*(?:[-*]|\d+\.) ")
FENCE = re.compile(r"```(\w+) file=(\S+)")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Return a page with an empty line before each list, and the file that an example is as its title."""
    lines: list[str] = []
    in_code = in_list = False
    for line in markdown.splitlines():
        in_code ^= line.startswith("```")
        begins = not in_code and LIST.match(line) is not None
        if begins and not in_list and lines and lines[-1].strip():
            lines.append("")
        in_list = begins or (in_list and not in_code and line.strip() != "")
        lines.append(FENCE.sub(r'```\1 title="\2"', line))
    return "\n".join(lines) + "\n"
