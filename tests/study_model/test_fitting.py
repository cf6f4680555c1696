"""The study model finds what needs several views, nothing in noise, and nothing of the fold that it scores."""

import hashlib

import numpy as np
import pytest
import torch

from echomort.core.errors import UserError
from echomort.evaluation import auc, delong_interval_within
from echomort.models.view_model import save_network
from echomort.study_model.fitting import Studies, dropped_views, fit
from echomort.study_model.network import StudyClips, StudyNetwork

ENDS = (30, 90, 180, 365)
FOLDS = 4
VIEWS = ("apical_2", "apical_4", "parasternal_long")


def planted(strength, patients=480, views=VIEWS[:2], seed=1):
    """Return studies, features and study numbers of views. The hazard depends on the sum of one number of each of the
    first two views; every fifth study lacks the second, and every third has two clips of the first."""
    generator = np.random.default_rng(seed)
    truth = generator.normal(size=(patients, 2))
    death = np.ceil(generator.exponential(900 * np.exp(-strength * truth.sum(1))))
    seen = np.ceil(generator.uniform(100, 1500, patients))
    studies = Studies(
        np.array([f"p{number}" for number in range(patients)], dtype=object),
        np.arange(patients) % FOLDS,
        np.minimum(death, seen),
        death <= seen,
        ENDS,
    )
    everyone = np.arange(patients)
    study = {view: everyone for view in views}
    study[views[0]] = np.sort(np.concatenate([everyone, everyone[::3]]))
    if len(views) > 1:
        study[views[1]] = everyone[everyone % 5 > 0]
    features = {}
    for column, view in enumerate(views):
        features[view] = generator.normal(size=(len(study[view]), 6)).astype(np.float32)
        if column < 2:
            features[view][:, 2] = truth[study[view], column] + 0.3 * generator.normal(size=len(study[view]))
    return studies, features, study


def out_of_fold(studies, features, study):
    """Log odds of death within a year, of every study by the model that left out its fold."""
    scores = np.full(len(studies.fold), np.nan)
    for fold in range(FOLDS):
        scores[studies.fold == fold] = fit(studies, features, study, fold, seed=fold)[1][:, -1]
    return scores


def area(studies, scores):
    known = studies.event & (studies.days <= 365) | (studies.days >= 365)
    died = (studies.event & (studies.days <= 365))[known]
    return delong_interval_within(died, scores[known], studies.fold[known])


@pytest.mark.slow
def test_a_risk_that_needs_two_views_is_found_and_one_view_finds_less():
    studies, features, study = planted(1.0)
    both = area(studies, out_of_fold(studies, features, study))
    first = ({view: part[view] for view in VIEWS[:1]} for part in (features, study))
    one = area(studies, out_of_fold(studies, *first))
    assert both.value > 0.75 and both.low > one.value > 0.6


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_found_where_nothing_is(seed):
    studies, features, study = planted(0.0, seed=seed)
    found = area(studies, out_of_fold(studies, features, study))
    assert found.low <= 0.5 <= found.high


def test_censored_patients_lower_the_risk_of_their_like():
    """Those of the training folds who are of the risky kind are made censored: alive on day 200, and lost then. They
    have no label at a year, and yet their kind's risk within half a year falls."""
    studies, features, study = planted(1.0)
    risky = np.flatnonzero((studies.fold != 0) & (features[VIEWS[0]][np.unique(study[VIEWS[0]], True)[1], 2] > 0.5))
    days, event = studies.days.copy(), studies.event.copy()
    days[risky], event[risky] = 200, False
    scored = studies.fold == 0
    before = fit(studies, features, study, 0, seed=1)[1]
    after = fit(Studies(studies.patient, studies.fold, days, event, ENDS), features, study, 0, seed=1)[1]
    high = features[VIEWS[0]][np.unique(study[VIEWS[0]], True)[1], 2][scored] > 0.5
    assert after[high, 2].mean() < before[high, 2].mean() - 0.5


def test_no_outcome_of_a_fold_reaches_its_scores():
    studies, features, study = planted(1.0)
    inside = studies.fold == 1
    days, event = studies.days.copy(), studies.event.copy()
    days[inside], event[inside] = days[inside][::-1], ~event[inside]
    flipped = Studies(studies.patient, studies.fold, days, event, ENDS)
    assert np.array_equal(fit(studies, features, study, 1, 7)[1], fit(flipped, features, study, 1, 7)[1])
    assert not np.array_equal(fit(studies, features, study, 0, 7)[1], fit(flipped, features, study, 0, 7)[1])


def test_the_same_arguments_give_the_same_bytes():
    given = planted(1.0)
    first, second = (hashlib.sha256(save_network(fit(*given, 0, 3)[0])).hexdigest() for _ in range(2))
    assert first == second != hashlib.sha256(save_network(fit(*given, 0, 4)[0])).hexdigest()


def network_of(views=VIEWS):
    torch.manual_seed(1)
    network = StudyNetwork(dict.fromkeys(views, 6), 4).eval()
    network.head.weight.data.normal_()
    return network


def clips_of(rows):
    """``rows``: view -> [(study, row of features)]."""
    studies = 1 + max(study for part in rows.values() for study, _ in part)
    study = {view: torch.tensor([one for one, _ in part], dtype=torch.long) for view, part in rows.items()}
    features = {
        view: torch.tensor(np.array([row for _, row in part], np.float32).reshape(len(part), 6))
        for view, part in rows.items()
    }
    return StudyClips(features, study, studies)


def test_a_study_has_the_same_hazards_whatever_other_studies_have():
    """A view that it lacks is no row: clips of others, not even numbers that are none, reach it."""
    row, nan = np.arange(6.0), np.full(6, np.nan)
    alone = clips_of({"apical_2": [(0, row)], "apical_4": [], "parasternal_long": [(0, row + 1)]})
    beside = clips_of({"apical_2": [(0, row)], "apical_4": [(1, nan)], "parasternal_long": [(0, row + 1), (1, nan)]})
    network = network_of()
    assert torch.allclose(network(alone)[0], network(beside)[0], atol=1e-6)
    assert network(beside)[1].isnan().all()


def test_the_order_of_clips_does_not_matter():
    generator = np.random.default_rng(2)
    rows = [(number % 5, generator.normal(size=6)) for number in range(20)]
    network = network_of(VIEWS[:1])
    mixed = [rows[place] for place in generator.permutation(20)]
    first, second = (network(clips_of({VIEWS[0]: one})) for one in (rows, mixed))
    assert torch.allclose(first, second, atol=1e-6)


def test_the_view_of_a_clip_matters():
    row = np.arange(6.0)
    network = network_of()
    empty = dict.fromkeys(VIEWS, ())
    first, second = (network(clips_of({**empty, view: [(0, row)]})) for view in VIEWS[:2])
    assert not torch.allclose(first, second, atol=1e-3)


def test_a_view_that_is_left_out_in_training_is_one_that_is_not_there_and_one_stays():
    generator = np.random.default_rng(1)
    present = generator.random((4000, 3)) < 0.6
    present[~present.any(1), 0] = True
    dropped = dropped_views(present, generator)
    assert (present & ~dropped).any(1).all()
    several = present.sum(1) == 3
    assert 0.2 < (dropped & present)[several].mean() < 0.3
    clips = clips_of({view: [(0, np.full(6, place)), (1, np.full(6, -1.0))] for place, view in enumerate(VIEWS)})
    left = clips.without(torch.tensor([[True, False, True], [False, False, False]]))
    assert left.present.tolist() == [[False, True, False], [True, True, True]]
    assert left.features["apical_2"].tolist() == [[-1.0] * 6]


def test_too_few_deaths_are_refused():
    studies, features, study = planted(1.0, patients=40)
    with pytest.raises(UserError, match="too few patients outside fold 2 died"):
        fit(Studies(studies.patient, studies.fold, studies.days, np.zeros(40, bool), ENDS), features, study, 2, seed=1)


def test_the_planted_truth_is_one():
    studies, features, study = planted(1.0)
    assert auc(studies.event, features[VIEWS[0]][np.unique(study[VIEWS[0]], True)[1], 2]) > 0.6
