"""What decides a result is derived from code: the whole of it, by meaning, and no more."""

import ast
import contextlib
import json
import re
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

from assets.experiments.stages import asset_name
from assets.graph import STAGES
from assets.incremental import Stage, UnitStage
from assets.quality import BY_ASSET
from echomort.core.code import Code, Reached, _cache, _parsed, file_meaning, keep_meanings, libraries
from echomort.core.errors import UserError
from echomort.experiments.cells import GRIDS
from echomort.settings import load_settings
from warehouse.connection import connect
from warehouse.queries import UndeclaredQuery, only, run

ROOT = Path(__file__).parents[2]
CHECKS = [check.stage for checks in BY_ASSET.values() for check in checks]
EVERY = [*STAGES, *CHECKS]
PRODUCT = [
    path.relative_to(ROOT).as_posix()
    for package in ("echomort", "warehouse", "assets")
    for path in sorted((ROOT / package).rglob("*"))
    if path.suffix in {".py", ".sql", ".c"}
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the product that tests may change, one file after the other."""
    folder = tmp_path_factory.mktemp("product")
    for package in ("echomort", "warehouse", "assets"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    return folder


def reached(root: Path, names: Collection[str] | None = None) -> dict[str, Reached]:
    """Return what every stage reaches in the product below ``root``, or each of ``names``."""
    code = Code(root)
    asked = [stage for stage in EVERY if names is None or stage.name in names]
    roots = {stage.name: [(one.__module__, one.__name__) for one in stage.functions] for stage in asked}
    return {name: code.reached([one for one in symbols if one[1] != "<lambda>"]) for name, symbols in roots.items()}


def stale(before: dict[str, Reached], after: dict[str, Reached]) -> set[str]:
    return {name for name in after if before[name] != after[name]}


@pytest.fixture(scope="module")
def before(copy: Path) -> dict[str, Reached]:
    return reached(copy)


def commented(text: str, suffix: str) -> str:
    """Return the same code with another layout and one more comment."""
    comment = {".py": "# a comment", ".sql": "-- it's a comment", ".c": "/* it's a comment */"}[suffix]
    return f"{comment}\n\n{text}\n\n{comment}\n"


def test_comments_and_layout_make_nothing_stale(copy: Path, before: dict[str, Reached]) -> None:
    texts = {copy / file: (copy / file).read_text() for file in PRODUCT}
    try:
        for path, text in texts.items():
            path.write_text(commented(text, path.suffix))
        assert stale(before, reached(copy)) == set()
    finally:
        for path, text in texts.items():
            path.write_text(text)


ADDED = {".py": "\nCHANGED = 1\n", ".sql": "\n;SELECT 1;\n", ".c": "\nint changed;\n"}


@pytest.mark.parametrize("file", PRODUCT)
def test_a_change_of_meaning_makes_all_stale_that_reach_the_file(
    copy: Path, before: dict[str, Reached], file: str
) -> None:
    path = copy / file
    text = path.read_text()
    naming = {name for name, one in before.items() if f"file {file}" in one.parts}
    try:
        path.write_text(text + ADDED[path.suffix])
        assert stale(before, reached(copy, naming)) == naming
    finally:
        path.write_text(text)


@contextlib.contextmanager
def edited(path: Path, old: str, new: str) -> Iterator[None]:
    text = path.read_text()
    assert old in text
    try:
        path.write_text(text.replace(old, new))
        yield
    finally:
        path.write_text(text)


def test_a_definition_that_assets_share_counts_alone(copy: Path, before: dict[str, Reached]) -> None:
    with edited(copy / "assets/training/view_samples.py", "if clips < training", "if clips <= training"):
        assert stale(before, reached(copy)) == {
            "view_models",
            "permuted_null",
            "motion_controls",
            *map(asset_name, GRIDS),
        }


def test_a_network_that_is_not_chosen_decides_no_training(copy: Path) -> None:
    stage = next(stage for stage in STAGES if stage.name == "view_models")
    symbols = [(one.__module__, one.__name__) for one in stage.functions if one.__name__ != "<lambda>"]
    chosen = stage.chosen(load_settings(environment={}))
    before = Code(copy).reached(symbols, chosen)
    assert "file echomort/models/record_columns.py" not in before.parts, "only early fusion takes the record"
    added = copy / "echomort/networks/another.py"
    added.write_text("NETWORK = None\n")
    try:
        assert Code(copy).reached(symbols, chosen) == before
    finally:
        added.unlink()
    with edited(copy / "echomort/networks/cnn_2d_gap.py", ".mean(1)", ".amax(1)"):
        assert Code(copy).reached(symbols, chosen) == before
    with edited(copy / "echomort/networks/cnn_3d.py", ".squeeze(1)", ".squeeze(2)"):
        assert Code(copy).reached(symbols, chosen) != before


def test_a_check_is_decided_by_its_own_file() -> None:
    settings = load_settings(environment={})
    own = re.compile(r"file (warehouse/checks/(?:suites|assertions)/\w+\.(?:sql|py)|echomort/clinical_scores/.*)")
    decided = {}
    for stage in CHECKS:
        parts = {found[1] for part in stage.recipe(settings) if (found := own.fullmatch(part))}
        decided[stage.name.removeprefix("check:")] = parts - {"warehouse/checks/suites/__init__.py"}
    assert decided["patient_expectations"] == {"warehouse/checks/suites/patient.py"}
    assert decided["staging_reconciles"] == {"warehouse/checks/assertions/staging_reconciles.sql"}
    with_scores = {name for name, parts in decided.items() if any("clinical_scores/scores" in part for part in parts)}
    assert with_scores == {"clinical_score_expectations", "risk_is_in_the_motion"}, "the second reads an evaluation"
    with_variables = {stage.name for stage in CHECKS if "file echomort/ehr/variables.csv" in stage.recipe(settings)}
    assert "check:patient_expectations" not in with_variables and "check:feature_expectations" in with_variables


def test_a_setting_of_the_evaluation_decides_no_training(copy: Path, before: dict[str, Reached]) -> None:
    head = "class Evaluation(Section):"
    with edited(copy / "echomort/settings/sections.py", head, f"{head}\n    more: int = 1\n"):
        found = stale(before, reached(copy))
    assert "evaluation" in found and found.isdisjoint({"view_models", "clips", "dicom_index", "outcomes"})


def test_the_line_of_a_preprocessor_ends_with_its_line(tmp_path: Path) -> None:
    path, meanings = tmp_path / "one.c", []
    for text in ("#define A 1\nB", "#define A 1 B", "/* it's */ #define  A 1 // one\n\nB"):
        path.write_text(text)
        meanings.append(file_meaning(path))
    assert meanings[0] == meanings[2] != meanings[1]


def test_a_file_that_another_includes_counts_as_its_text(tmp_path: Path) -> None:
    (tmp_path / "one.c").write_text('#include <string.h>\n#include "../shared.h"\nint a;\n')
    (tmp_path / "below").mkdir()
    path, meanings = (tmp_path / "one.c").rename(tmp_path / "below" / "one.c"), []
    for text in ("#define A 1\n", "/* a comment */\n#define A 1\n", "#define A 2\n"):
        (tmp_path / "shared.h").write_text(text)
        meanings.append(file_meaning(path))
    assert meanings[0] == meanings[1] != meanings[2]


def test_what_runs_where_no_type_checker_looks_counts() -> None:
    code = "if TYPE_CHECKING:\n    import a\nelse:\n    import b\n"
    assert _parsed(ast.parse(code))["whole"] != _parsed(ast.parse(code.replace("b", "c")))["whole"]


FOREIGN = {
    "clips": ("echomort/report", "echomort/training", "echomort/models", "echomort/evaluation", "echomort/champion"),
    "view_models": (
        "echomort/report",
        "echomort/dicom",
        "echomort/evaluation",
        "echomort/clinical_scores",
        "echomort/reader_study",
    ),
    "dicom_index": ("echomort/report", "echomort/models", "echomort/training", "warehouse/staging"),
    "health_records": ("echomort/report", "echomort/dicom", "echomort/models", "echomort/evaluation"),
    "outcomes": ("echomort/report", "echomort/dicom", "echomort/models", "warehouse/staging"),
}
"""What must not decide the dear assets: a change there would cost a reading of the archive, or a training."""


@pytest.mark.parametrize("asset", FOREIGN)
def test_the_code_that_decides_a_dear_asset_stays_small(asset: str) -> None:
    stage = next(stage for stage in STAGES if stage.name == asset)
    foreign = [part for part in stage.reached().parts if part.partition(" ")[2].startswith(FOREIGN[asset])]
    assert foreign == [], f"all that decides {asset}: {', '.join(stage.reached().parts)}"


def test_what_computes_a_result_counts_with_its_version() -> None:
    found = {stage.name: set(stage.reached().libraries) for stage in EVERY}
    assert {"torch", "numpy"} <= found["view_models"]
    assert {"pydicom", "imagecodecs", "simplejpeg", "av"} <= found["clips"]
    assert {"xgboost", "sklearn"} <= found["fusion"] and {"scipy", "sklearn"} <= found["evaluation"]
    assert found["cohort"] == {"duckdb"}
    assert libraries(["no_such_library"]) == {"no_such_library": "absent"}
    assert all(version != "absent" for version in libraries(found["champion"]).values())


def test_the_compiled_loop_and_a_child_process_count() -> None:
    found = {stage.name: set(stage.reached().parts) for stage in EVERY}
    assert "file echomort/dicom/_scaling.c" in found["clips"]
    compiled = ("frames/_baseline", "header/_passing", "tissue/_pictures")
    assert {f"file echomort/dicom/{name}.c" for name in compiled} <= found["clips"]
    assert "file echomort/networks/_unit.cpp" in found["view_models"] & found["risk_scores"]
    assert {"file echomort/training/worker.py", "file echomort/training/model.py"} <= found["view_models"]
    assert {f"file echomort/dicom/header/{name}" for name in ("views.yaml", "view_tags.csv")} <= found["dicom_index"]
    assert "file echomort/report/templates/report.css" in found["report"]


def test_every_file_of_sql_that_is_run_is_named_where_it_is_run(tmp_path: Path) -> None:
    with connect(tmp_path / "w.duckdb") as connection, only({"tables/outcome/patients.sql"}):
        run(connection, "tables/outcome/patients.sql")
        with pytest.raises(UndeclaredQuery, match=r"reads/counts/indexed_files\.sql"):
            run(connection, "reads/counts/indexed_files.sql")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("SELECT 1", "SELECT  1 -- it's one\n", True),
        ("SELECT 'a  b'", "SELECT 'a b'", False),
        ("SELECT '--x'", "SELECT '--y'", False),
        ("SELECT /* it's */ 1", "SELECT 1", True),
        ('SELECT "a  b"', 'SELECT "a b"', False),
        ("SELECT 1", "SELECT 2", False),
    ],
)
def test_sql_is_compared_without_comments_and_layout_but_with_its_texts(
    tmp_path: Path, one: str, other: str, same: bool
) -> None:
    meanings = []
    for number, text in enumerate((one, other)):
        path = tmp_path / f"{number}.sql"
        path.write_text(text)
        meanings.append(file_meaning(path))
    assert (meanings[0] == meanings[1]) is same


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ("a,b\r\n1,2\r\n\r\n", True),
        ("\na,b\n\n1,2", True),
        ("a,b\n1,3\n", False),
        ('a,b\n1,"2\n\n3"\n', False),
    ],
)
def test_a_table_is_compared_by_its_rows(tmp_path: Path, other: str, same: bool) -> None:
    (tmp_path / "one.csv").write_bytes(b"a,b\n1,2\n")
    (tmp_path / "other.csv").write_bytes(other.encode())
    assert (file_meaning(tmp_path / "one.csv") == file_meaning(tmp_path / "other.csv")) is same


def test_an_empty_line_inside_a_cell_or_as_the_row_of_one_column_counts(tmp_path: Path) -> None:
    path, meanings = tmp_path / "one.csv", []
    for text in ('a,b\n"1\n2",3\n', 'a,b\n"1\n\n2",3\n', "a\n1\n", "a\n\n1\n"):
        path.write_text(text)
        meanings.append(file_meaning(path))
    assert len(set(meanings)) == 4


def test_a_stage_says_by_key_which_setting_decides_it() -> None:
    settings = load_settings(environment={})
    by_name: dict[str, Stage] = {stage.name: stage for stage in EVERY}
    keys = {part for part in by_name["clips"].recipe(settings) if part.startswith("setting ")}
    assert "setting imaging.clip.fps" in keys and all(key.startswith("setting imaging.clip.") for key in keys)


def test_what_view_tags_mean_decides_the_index_and_the_clips_and_nothing_else_of_a_clip_decides_the_index() -> None:
    index, clips = (next(stage for stage in STAGES if stage.name == name) for name in ("dicom_index", "clips"))
    standard, paper, long = (
        load_settings(flags={"preset": "demo", **flags}, environment={})
        for flags in ({}, {"imaging.clip.view_tags": "paper"}, {"imaging.clip.min_seconds": 1})
    )
    assert index.recipe(standard) != index.recipe(paper) and clips.recipe(standard) != clips.recipe(paper)
    assert index.recipe(standard) == index.recipe(long) and clips.recipe(standard) != clips.recipe(long)


@pytest.mark.parametrize("content", [b"number = (\n", b"number = 1\0\n", b"name = '\xe9'\n"])
def test_a_file_that_is_no_python_is_one_line_that_names_it(copy: Path, content: bytes) -> None:
    (copy / "echomort/more.py").write_bytes(content)
    with pytest.raises(UserError, match=r"^echomort/more\.py.* is no Python .*: correct the file") as caught:
        Code(copy).module("echomort.more")
    assert "\n" not in str(caught.value)
    (copy / "echomort/more.py").unlink()


def test_the_cache_of_meanings_forgets_what_nobody_uses(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = copy / "meanings.json"
    monkeypatch.setattr("echomort.core.code.CACHE", file)
    monkeypatch.setattr("echomort.core.code.MOST_MEANINGS", 3)
    monkeypatch.setattr("echomort.core.code._used", set())
    _cache.cache_clear()
    for number in range(8):
        (copy / "echomort/more.py").write_text(f"number = {number}\n")
        Code(copy).module("echomort.more")
    keep_meanings()
    assert len(json.loads(file.read_text())) >= 8, "all of these are in use"
    monkeypatch.setattr("echomort.core.code._used", set())
    (copy / "echomort/more.py").write_text("number = -1\n")
    Code(copy).module("echomort.more")
    keep_meanings()
    assert len(json.loads(file.read_text())) == 1
    (copy / "echomort/more.py").unlink()
    _cache.cache_clear()


WRITTEN_BY = {
    **{table: {table} for table in ("patient", "death", "contact", "study", "measurement", "diagnosis", "medication")},
    **{table: {"patient"} for table in ("patient_alias", "quarantine", "staging")},
    **{table: {"clinical_features"} for table in ("feature", "feature_count", "feature_refusal")},
    **{"outcome": {"outcomes"}, "outcome_at_horizon": {"outcomes"}, "cohort": {"cohort"}},
    **{"cohort_at_horizon": {"cohort"}, "attrition": {"outcomes", "cohort"}},
    **{"clinical_score": {"clinical_scores"}, "dicom_instance": {"dicom_index"}, "instance_link": {"linkage"}},
    **{"clip": {"clips"}, "clip_view": {"clip_views"}, "metric": {"evaluation"}, "risk_score": {"risk_scores"}},
    "score": {"view_models", "ehr_models", "fusion"},
    **{"external_score": {"external_scores"}, "external_score_count": {"external_scores"}},
    "untrained_view": {"view_models"},
    "experiment_cell": {"experiment_figure2", "experiment_figure5"},  # those that the report shows
}
"""Table -> the assets whose rows a reader of it sees; baselines are in ``score`` too, for those who ask for them."""
OWN = {
    "outcomes": {"outcome", "outcome_at_horizon", "outcome_rule", "attrition"},
    "cohort": {"cohort", "cohort_at_horizon", "attrition", "patient_role"},
    "clinical_features": {
        f"feature{part}" for part in ("", "_filled", "_count", "_evidence", "_refusal", "_group", "_outside", "_rule")
    },
    "clip_views": {"clip"},
    "linkage": {"instance_link"},
    "fusion": {"score"},
    "champion": {"dicom_instance"},
    "explained_loops": {"score"},
    "report": {"prospective_risk", "diagnosis", "study"},
}
"""Tables that a stage fills, whose rows it only forgets, or of which what it reads is among its inputs (the champion:
sizes of views; explained loops: scores of views, which the view models write; the report: kept risks with their
groups)."""


def tables_read(file: Path) -> set[str]:
    """The tables of the warehouse that a query takes rows from."""
    text = re.sub(r"--[^\n]*", "", file.read_text())
    inner = set(re.findall(r"(?:WITH|,|RECURSIVE)\s+(\w+)(?:\s*\([^)]*\))?\s+AS\s+(?:MATERIALIZED\s*)?\(", text))
    named = {name for name in re.findall(r"(?<!DELETE )\b(?:FROM|JOIN)\s+(\w+)", text) if name in TABLES}
    return named - inner


TABLES = {
    table
    for file in (ROOT / "warehouse/migrations").glob("*.sql")
    for table in re.findall(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+)", file.read_text())
} - {"ledger", "recipe", "acceptance"}


@pytest.mark.parametrize("stage", [stage for stage in STAGES if not isinstance(stage, UnitStage)], ids=lambda s: s.name)
def test_every_table_that_a_stage_reads_is_written_by_an_input_of_it(stage: Stage) -> None:
    """Else a changed table would leave a result up to date that was made from the former one. (The plan of a stage of
    units holds the rows that it reads.)"""
    own = OWN.get(stage.name, set())
    files = [name for name in stage.reached().sql if name.startswith(("tables/", "reads/", "definitions/"))]
    read = {table: name for name in files for table in tables_read(ROOT / "warehouse" / name)}
    unknown = {table: name for table, name in read.items() if table not in own and table not in WRITTEN_BY}
    assert unknown == {}
    stale = {table: name for table, name in read.items() if not WRITTEN_BY.get(table, set()) <= {*stage.upstream}}
    assert {table: name for table, name in stale.items() if table not in own} == {}
