"""What the pipeline learns at a larger size: whole runs of the graph on synthetic archives of several seeds.

    python benchmarks/learning.py --patients 1500 --seeds 1 2 3 --home /tmp/learning

Prints one table in Markdown, for docs/performance.md: AUC with its interval, and the share of the oracle's headroom
that is recovered against the true death probabilities (no label noise), for every model and seed.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd

from warehouse.connection import connect
from warehouse.reads.evaluation.headline import headline

SHOWN = ("view:apical_4", "view:parasternal_long", "all_views", "ehr", "video_ehr", "permuted_null", "oracle_all")


def measure(home: Path, patients: int, seed: int) -> pd.DataFrame:
    """Run the graph and return one row a model."""
    started = time.monotonic()
    command = [sys.executable, "-m", "orchestration.cli", "run", "--home", str(home), "--set", "preset=demo"]
    drawn = ["--set", f"sources.synthetic.patients={patients}", "--set", f"sources.synthetic.seed={seed}"]
    subprocess.run([*command, *drawn], check=True)
    minutes = (time.monotonic() - started) / 60
    with connect(home / "warehouse.duckdb", read_only=True) as connection:
        rows = headline(connection)
    return rows[rows["model"].isin(SHOWN)].assign(seed=seed, minutes=minutes)


def main() -> None:
    """Measure every seed and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=1500)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--home", type=Path, required=True)
    given = parser.parse_args()
    table = pd.concat([measure(given.home / f"seed_{seed}", given.patients, seed) for seed in given.seeds])
    print(
        f"\n{given.patients} patients; minutes a seed: {table.groupby('seed')['minutes'].first().round(1).tolist()}\n"
    )
    print("| seed | model | AUC (95 % interval) | n | deaths | headroom recovered |\n|---|---|---|---|---|---|")
    for row in table.to_dict("records"):
        headroom = "" if pd.isna(row["headroom"]) else f"{100 * row['headroom']:.0f} %"
        auc = f"{row['value']:.3f} ({row['low']:.3f} to {row['high']:.3f})"
        print(f"| {row['seed']} | {row['model']} | {auc} | {row['n']:.0f} | {row['events']:.0f} | {headroom} |")


if __name__ == "__main__":
    main()
