"""``echomort risk``, as a person types it: what is written where, and one line where something is wrong."""

import json
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from echomort.core.errors import UserError
from orchestration.cli.__main__ import app

VECTORS = json.loads((Path(__file__).parents[1] / "data" / "clinical_vectors.json").read_text())
OUTPUTS = {
    "pce": ("pce", ["risk"], {"risk": "risk_tableA"}),
    "prevent": ("prevent_base", ["cvd10", "ascvd10", "hf10"], {}),
    "shfm": ("shfm", ["score", "s1", "s2", "s5"], {}),
    "maggic": ("maggic", ["score", "mort1y", "mort3y"], {}),
}
EXPECTED = {"risk_tableA", *(column for _, outputs, _ in OUTPUTS.values() for column in outputs)}


def told(*arguments: object) -> str:
    """Return what the command prints."""
    result = CliRunner().invoke(app, ["risk", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def table_of(score: str, path: Path) -> Path:
    """Write the inputs of the vectors of ``score``, without what is expected."""
    vectors = pd.DataFrame(VECTORS[OUTPUTS[score][0]])
    vectors.drop(columns=EXPECTED & set(vectors)).to_csv(path, index=False)
    return path


@pytest.mark.parametrize("score", OUTPUTS)
def test_the_vectors_come_out_printed_and_written(score, tmp_path):
    key, outputs, names = OUTPUTS[score]
    source, target = table_of(score, tmp_path / "in.csv"), tmp_path / "out.csv"
    target.write_text("what lay there before\n" * 1000)
    printed = told(score, source)
    assert told(score, source, "-o", target) == ""
    assert target.read_text() == printed
    read, vectors = pd.read_csv(StringIO(printed)), pd.DataFrame(VECTORS[key])
    for output in outputs:
        known = vectors[names.get(output, output)].notna()
        expected = vectors.loc[known, names.get(output, output)].astype(float)
        assert read.loc[known, output].to_numpy() == pytest.approx(expected.to_numpy(), abs=1e-6)
    assert read["reason"].dropna().isin(["clamped:score"]).all()


def test_the_policy_is_an_option(tmp_path):
    source = tmp_path / "in.csv"
    pd.DataFrame(VECTORS["pce"][:1]).assign(age=[80]).to_csv(source, index=False)
    reasons = [
        pd.read_csv(StringIO(told("pce", source, "--out-of-range", policy)))["reason"][0]
        for policy in ("strict", "clamp", "extrapolate")
    ]
    assert reasons == ["out_of_range:age", "clamped:age", "extrapolated:age"]


def test_a_table_of_thousands_keeps_its_order(tmp_path):
    rows = pd.concat([pd.DataFrame(VECTORS["pce"])] * 500, ignore_index=True)
    rows.assign(row=range(len(rows))).to_csv(tmp_path / "in.csv", index=False)
    read = pd.read_csv(StringIO(told("pce", tmp_path / "in.csv")))
    assert read["row"].tolist() == list(range(7000))
    assert read["risk"].to_numpy() == pytest.approx(rows["risk_tableA"].to_numpy(), abs=1e-6)


def test_what_can_t_be_written_or_read_is_one_line(tmp_path):
    source = table_of("pce", tmp_path / "in.csv")
    (tmp_path / "file").write_text("")
    for target, words in (
        (tmp_path, "can't be written"),
        (tmp_path / "file" / "out.csv", "file is a file, and no folder"),
    ):
        with pytest.raises(UserError, match=words):
            CliRunner().invoke(app, ["risk", "pce", str(source), "-o", str(target)], catch_exceptions=False)
    with pytest.raises(UserError, match="is a folder"):
        CliRunner().invoke(app, ["risk", "pce", str(tmp_path)], catch_exceptions=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "in.csv"]


@pytest.mark.parametrize(("separator", "signs"), [(";", "semicolons"), ("\t", "tabs")])
def test_a_table_that_is_not_separated_by_commas_says_so(tmp_path, separator, signs):
    (tmp_path / "in.csv").write_text(separator.join(["age", "sex"]) + "\n" + separator.join(["70", "F"]) + "\n")
    with pytest.raises(UserError, match=f"separated by {signs}: separate them by commas"):
        CliRunner().invoke(app, ["risk", "pce", str(tmp_path / "in.csv")], catch_exceptions=False)


def test_an_error_ends_with_status_two_and_no_traceback(tmp_path):
    command = [sys.executable, "-m", "orchestration.cli", "risk", "pce", str(tmp_path / "nowhere.csv")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("echomort: ")
    assert len(ended.stderr.splitlines()) == 1
