"""The commonest size of each view of an archive, and what another one makes stale."""

from pathlib import Path

import pytest
import yaml

from assets.imaging.shapes import clip_shapes, project_clip
from assets.imaging.studies import plan_studies
from assets.project import Project

LOOPS = [
    ("study1", "apical_4", 436, 600),
    ("study1", "parasternal_long", 480, 640),
    ("study2", "apical_4", 436, 600),
    ("study2", "unknown", 300, 400),
    ("study3", "parasternal_long", 480, 640),
    ("study4", "apical_4", 300, 400),
    ("study5", "unknown", 300, 400),
]


def project(home: Path, loops: list[tuple[str, str, int, int]], **clip: object) -> Project:
    """A project whose archive has ``loops``: study, view, rows, columns."""
    home.mkdir(exist_ok=True)
    imaging = {"clip": {"fit": "view_size"} | clip, "views": {"classify": False}}
    (home / "echomort.yaml").write_text(yaml.safe_dump({"preset": "demo", "imaging": imaging}))
    made = Project(home=str(home))
    with made.writer() as connection:
        connection.execute("DELETE FROM dicom_instance; DELETE FROM instance_link")
        for number, (study, view, rows, columns) in enumerate(loops):
            key, status = f"file{number}", "rejected" if study == "none" else "accepted"
            connection.execute(
                "INSERT INTO dicom_instance BY NAME SELECT $1 AS instance_key, 'folder' AS folder_key, "
                "'accepted' AS status, $2 AS view, 'tag' AS view_source, $3 AS rows, $4 AS columns, 'd' source_digest",
                [key, view, rows, columns],
            )
            connection.execute(
                "INSERT INTO instance_link BY NAME SELECT $1 AS instance_key, $2 AS study_key, 'p' AS patient_key, "
                "$3 AS status",
                [key, study, status],
            )
    return made


def test_the_commonest_size_of_each_view_and_of_all_loops(tmp_path: Path) -> None:
    sizes = project_clip(project(tmp_path, LOOPS)).view_sizes
    assert sizes == {"apical_4": (436, 600), "parasternal_long": (480, 640), "unknown": (300, 400)}


def test_files_that_give_no_clip_do_not_count(tmp_path: Path) -> None:
    more = [*LOOPS, *[("none", "apical_4", 300, 400)] * 5]
    assert project_clip(project(tmp_path, more)).view_sizes["apical_4"] == (436, 600)


@pytest.mark.parametrize("order", [1, -1])
def test_a_tie_goes_to_the_larger_area_then_to_more_rows_whatever_the_order(tmp_path: Path, order: int) -> None:
    tied = [("a", "apical_4", 300, 400), ("b", "apical_4", 600, 400), ("c", "apical_4", 400, 600)][::order]
    assert project_clip(project(tmp_path, tied)).view_sizes == {"apical_4": (600, 400), "unknown": (600, 400)}


def test_shapes_differ_by_view_and_are_equal_with_fit_inside(tmp_path: Path) -> None:
    apical, long, unknown = (30, 109, 150), (30, 120, 160), (30, 75, 100)
    shapes = {"apical_4": apical, "parasternal_long": long, "unknown": unknown}
    assert clip_shapes(project(tmp_path, LOOPS)) == shapes
    inside = clip_shapes(project(tmp_path, LOOPS, fit="inside"))
    assert inside == dict.fromkeys(shapes, (30, 27, 37))
    own = project(tmp_path, LOOPS, view_sizes={"apical_4": [400, 400]}, reduction=2)
    assert clip_shapes(own)["apical_4"] == (30, 200, 200), "a size of the settings goes before the archive's"


def test_another_commonest_size_makes_stale_the_studies_with_that_view_and_no_other(tmp_path: Path) -> None:
    def plan(loops: list[tuple[str, str, int, int]]) -> dict[str, str]:
        made = project(tmp_path, loops)
        return plan_studies(made, project_clip(made), "recipe")

    before = plan(LOOPS)
    one_more = plan([*LOOPS, ("new", "parasternal_long", 300, 400)])
    assert all(one_more[key] == before[key] for key in before), "the same sizes are the commonest"
    larger = plan([*LOOPS, *[("new", "parasternal_long", 600, 800)] * 2])
    assert {key for key in before if larger[key] != before[key]} == {"study1", "study3"}
    unknown = plan([*LOOPS, *[("new", "apical_2", 700, 900)] * 4])
    assert {key for key in before if unknown[key] != before[key]} == {"study2", "study5"}, "loops without a view"


def test_with_fit_inside_no_size_decides(tmp_path: Path) -> None:
    def plan(loops: list[tuple[str, str, int, int]]) -> dict[str, str]:
        made = project(tmp_path, loops, fit="inside")
        return plan_studies(made, project_clip(made), "recipe")

    before, after = plan(LOOPS), plan([*LOOPS, *[("new", "parasternal_long", 600, 800)] * 9])
    assert all(after[key] == before[key] for key in before)
