"""``python tests/lines_run.py FILE FLOOR``: how many of the product's lines the tests ran, from SlipCover's JSON.

Exits with 1 below FLOOR (per cent). Child processes, training among them, are not measured.
"""

import json
import sys
from pathlib import Path

SHOWN = 10
"""Files that are listed, those with the most lines that did not run."""
MEASURED = 50
"""Per cent. With less, the measurements of the test processes are missing: SlipCover lost them in one of the first
three runs of the whole suite. The floor is for small falls; such a large one has another cause."""


def main(file: Path, floor: float) -> int:
    """Print the share of lines and the files that lack most; return the exit status."""
    measured = json.loads(file.read_text())
    share = measured["summary"]["percent_covered"]
    if share < MEASURED:
        sys.stdout.write("the lines that ran could not be measured this time\n")
        return 0
    files = sorted(measured["files"].items(), key=lambda item: -item[1]["summary"]["missing_lines"])
    for name, found in files[:SHOWN]:
        sys.stdout.write(f"{found['summary']['missing_lines']:5d} lines of {name} did not run\n")
    sys.stdout.write(f"{share:.1f} % of the lines ran; the floor is {floor:g} %\n")
    return int(share < floor)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), float(sys.argv[2])))
