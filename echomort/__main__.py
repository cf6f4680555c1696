"""``python -m echomort``: the ``echomort`` command."""

import runpy

if __name__ == "__main__":
    runpy.run_module("orchestration.cli", run_name="__main__", alter_sys=True)
