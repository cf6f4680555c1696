"""The process that decodes studies on a cluster (``python -m assets.imaging.pipes TASK.json``); it streams progress."""

import sys
from pathlib import Path

from assets.child import do_as_child
from echomort.clips.decoding import decode_file


def main() -> None:
    """Do the task named on the command line."""
    file = Path(sys.argv[1])
    do_as_child([file], lambda pipes: decode_file(file, pipes.log.info))


if __name__ == "__main__":
    main()
