"""What a cell is trained and judged on."""

from dataclasses import replace

import pytest
from archives import SETTINGS, Archive, small_archive

from assets.experiments.samples import Refused, Sampler, trained_patients
from echomort.experiments.cells import GRIDS, Cell


def cells(archive: Archive, experiment: str) -> dict[str, Cell]:
    project = archive.project
    return {cell.name: cell for cell in GRIDS[experiment](project.settings, Sampler(project).views)}


def test_a_view_is_trained_on_its_clips_and_judged_on_one_study_a_patient(archive: Archive) -> None:
    cell = cells(archive, "figure2")["parasternal_long-cnn_3d"]
    found = Sampler(archive.project).samples(cell)
    assert found.rows["patient_key"].nunique() == 48
    assert trained_patients(cell, found.rows) == 36, "a model leaves out one of four folds"
    assert len(found.rows) == found.rows["clip_key"].nunique() == 60
    assert len(found.judged) == found.judged["patient_key"].nunique() == 48
    assert [(branch.name, branch.shape) for branch in found.branches] == [("parasternal_long", (27, 27, 27))]
    assert found.variables is None


def test_the_arms_of_the_learning_curve_have_the_same_patients_and_judge_them_all(archive: Archive) -> None:
    curve, sampler = cells(archive, "figure5"), Sampler(archive.project)
    found = {name: sampler.samples(cell) for name, cell in curve.items()}
    assert {frozenset(one.judged["study_key"]) for one in found.values()} == {
        frozenset(found["records-all_patients"].judged["study_key"])
    }
    for arm in ("records", "parasternal_long", "all_views_and_records"):
        known = [
            frozenset(one.rows.loc[one.rows["label"] != -1, "patient_key"])
            for one in (found[f"{arm}-{size}_patients"] for size in ("12", "30", "all"))
        ]
        assert list(map(len, known)) == [16, 40, 48], "a model leaves out one of four folds"
        assert known[0] < known[1] < known[2]
        assert known == [
            frozenset(one.rows.loc[one.rows["label"] != -1, "patient_key"])
            for one in (found[f"records-{size}_patients"] for size in ("12", "30", "all"))
        ]


@pytest.mark.parametrize("size", ["12", "30"])
def test_every_model_of_a_subset_has_about_its_patients(archive: Archive, size: str) -> None:
    cell = cells(archive, "figure5")[f"records-{size}_patients"]
    rows = Sampler(archive.project).samples(cell).rows
    assert trained_patients(cell, rows) == int(size)
    known = rows[rows["label"] != -1].groupby("patient_key")[["fold", "label"]].max()
    for fold in range(4):
        trained = known[known["fold"] != fold]
        assert abs(len(trained) - int(size)) <= 2 and trained["label"].sum() >= 2


def test_nobody_of_the_survey_set_is_trained_on(archive: Archive) -> None:
    sampler = Sampler(archive.project)
    judged = set()
    for name, cell in cells(archive, "table1").items():
        found = sampler.samples(cell)
        trained = found.rows[found.rows["fold"] != -1]
        assert not set(trained["patient_key"]) & set(found.judged["patient_key"]), name
        assert (found.judged["fold"] == -1).all()
        assert found.judged["label"].sum() * 2 == len(found.judged) == 6, "a fifth of the 16 who died"
        assert set(found.judged["study_key"]) <= set(found.rows["study_key"])
        judged.add(frozenset(found.judged["study_key"]))
    assert len(judged) == 1, "all cells are judged on the same studies"


def test_without_video_every_study_outside_the_survey_set_is_trained_on(archive: Archive) -> None:
    found = Sampler(archive.project).samples(cells(archive, "table1")["no_video-ten"])
    assert found.rows["study_key"].nunique() == 75
    assert found.variables is not None
    assert list(found.variables.columns)[:2] == ["study_key", "age"] and len(found.variables.columns) == 11


def test_all_views_are_branches_and_a_missing_one_has_no_clip(archive: Archive) -> None:
    found = Sampler(archive.project).samples(cells(archive, "table1")["all_views-none"])
    assert [branch.name for branch in found.branches] == ["apical_4", "parasternal_long"]
    assert found.rows["key_apical_4"].notna().all()
    assert found.rows["key_parasternal_long"].isna().sum() == found.rows["path_parasternal_long"].isna().sum() == 15
    assert found.rows["clip_key"].is_unique


def test_a_view_with_too_few_clips_is_refused_with_cause_and_remedy(archive: Archive) -> None:
    archive.settings["training"] = SETTINGS["training"] | {"min_clips": 70}
    grid, sampler = cells(archive, "figure2"), Sampler(archive.project)
    with pytest.raises(Refused, match=r"parasternal_long has 60 clips, training.min_clips is 70: lower that setting"):
        sampler.samples(grid["parasternal_long-cnn_3d"])
    assert len(sampler.samples(grid["apical_4-cnn_3d"]).rows) == 75


def test_too_few_deaths_to_judge_are_refused_without_their_number(archive: Archive) -> None:
    archive.settings["evaluation"] = {"suppress_below_events": 30}
    cell = cells(archive, "figure2")["apical_4-cnn_3d"]
    with pytest.raises(Refused, match="fewer than 30 deaths or survivors could be judged"):
        Sampler(archive.project).samples(cell)


def test_a_subset_without_both_outcomes_in_each_training_is_refused(archive: Archive) -> None:
    cell = replace(cells(archive, "figure5")["records-12_patients"], most_patients=4)
    with pytest.raises(Refused, match="fewer than 2 patients of one outcome outside fold"):
        Sampler(archive.project).samples(cell)


def test_a_variant_that_is_missing_is_a_reason(archive: Archive) -> None:
    cell = cells(archive, "inputs")["apical_4-raw"]
    with pytest.raises(Refused, match="no clip of a study of the cohort is there as annotated and as raw"):
        Sampler(archive.project).samples(cell)


@pytest.mark.parametrize(
    ("reason", "remedy"),
    [("no_native_data", "Philips"), ("native_layout", "can't be read"), ("still_image", "table clip_variant")],
)
def test_a_variant_that_is_missing_names_the_commonest_reason_and_a_remedy(
    archive: Archive, reason: str, remedy: str
) -> None:
    cell = cells(archive, "inputs")["apical_4-raw"]
    with archive.project.writer() as connection:
        connection.execute(
            "INSERT INTO clip_variant BY NAME SELECT 'raw' AS variant, clip_key, study_key, patient_key, view, "
            "'rejected' AS status, CASE WHEN clip_key LIKE '%s1%' THEN 'time_limit' ELSE $1 END AS reason FROM clip",
            [reason],
        )
    with pytest.raises(Refused, match=rf"as annotated and as raw \(most often, raw: {reason}\): .*{remedy}"):
        Sampler(archive.project).samples(cell)


def test_all_views_say_that_only_the_studies_with_the_one_view_count(archive: Archive) -> None:
    cell = replace(cells(archive, "table1")["all_views-none"], among="parasternal_long")
    archive.settings["training"] = SETTINGS["training"] | {"min_clips": 70}
    with pytest.raises(Refused, match="no view has enough clips among the studies with a clip of parasternal_long"):
        Sampler(archive.project).samples(cell)


def test_the_digest_follows_pixels_labels_and_subsets_and_nothing_else(archive: Archive) -> None:
    cell = cells(archive, "figure2")["apical_4-cnn_3d"]
    before = Sampler(archive.project).samples(cell).digest
    assert Sampler(archive.project).samples(replace(cell, name="other")).digest == before
    assert Sampler(archive.project).samples(replace(cell, most_patients=30)).digest != before
    with archive.project.writer() as connection:
        connection.execute("UPDATE clip SET digest = 'new' WHERE view = 'parasternal_long'")
    assert Sampler(archive.project).samples(cell).digest == before
    with archive.project.writer() as connection:
        connection.execute("UPDATE clip SET digest = 'new' WHERE clip_key = (SELECT min(clip_key) FROM clip)")
    assert Sampler(archive.project).samples(cell).digest != before


@pytest.mark.parametrize("patients", [3, 8])
def test_a_tiny_archive_is_refused_cell_by_cell(tmp_path: object, patients: int) -> None:
    archive = small_archive(tmp_path / "home", patients)  # type: ignore[operator]
    for experiment in GRIDS:
        for cell in cells(archive, experiment).values():
            if patients == 8 and cell.name == "records-all_patients":
                continue  # no view has enough clips, and the records of all eight have three deaths
            with pytest.raises(Refused, match=r".+: .+"):
                Sampler(archive.project).samples(cell)
