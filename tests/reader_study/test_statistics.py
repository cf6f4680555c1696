"""The statistics of a reader study: reference values, planted effects, laws, and what is refused."""

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest
from sklearn.metrics import cohen_kappa_score

from echomort import evaluation
from echomort.core.errors import UserError
from echomort.evaluation.resampling import Resampling
from echomort.reader_study.answers import AIDED, UNAIDED, checked, typed
from echomort.reader_study.bootstrap import bootstrap_change, crossed_bootstrap
from echomort.reader_study.rows import CHANGE
from echomort.reader_study.statistics import analyse, cohen_kappa, fleiss
from echomort.settings import Evaluation

SET = pd.read_csv(Path(__file__).parents[1] / "data" / "clinical_evalset.csv")
Y, A, B = SET["y"], SET["pa"], SET["pb"]
CALLED_A, CALLED_B, CALLED_MEAN = A >= 0.2, B >= 0.2, (A + B) / 2 >= 0.2
QUICK = Evaluation(bootstrap=200)


def cases(died, model=None, risk=None) -> pd.DataFrame:
    truth = np.asarray(died, dtype=bool)
    names = [f"C{number}" for number in range(len(truth))]
    said = truth if model is None else np.asarray(model, dtype=bool)
    known = {"case_id": names, "died": truth, "answer": np.where(said, "dead", "alive")}
    return pd.DataFrame(known | {"risk": said.astype(float) if risk is None else risk, "fold": -1})


def arm(reader: str, condition: str, called, **more) -> pd.DataFrame:
    called = np.asarray(called, dtype=bool)
    names = [f"C{number}" for number in range(len(called))]
    said = {"reader_id": reader, "case_id": names, "condition": condition, "answer": np.where(called, "dead", "alive")}
    return pd.DataFrame(said | more)


def figures(answers: pd.DataFrame, truth: pd.DataFrame, settings: Evaluation = QUICK) -> pd.Series:
    rows = analyse(checked(typed(answers), truth), settings)
    assert not rows.duplicated(["model", "subset", "metric"]).any()
    return rows.set_index(["model", "subset", "metric"])[["value", "low", "high", "method"]]


@pytest.fixture(scope="module")
def reference():
    """Readers A and B beside the model that is their mean; the model changed B's mind into A's."""
    answers = [arm("A", UNAIDED, CALLED_A, confidence=100 * abs(A - 0.2)), arm("B", UNAIDED, CALLED_B)]
    answers.append(arm("B", AIDED, CALLED_A))
    return figures(pd.concat(answers), cases(Y, CALLED_MEAN, (SET["pa"] + SET["pb"]) / 2))


def test_wilson_limits_of_each_reader(reference):
    found = reference.loc["A", UNAIDED, "sensitivity"]
    assert found[["value", "low", "high"]].tolist() == pytest.approx([0.7948718, 0.6446603, 0.8922028], abs=1e-7)
    assert reference.loc["B", UNAIDED, "sensitivity"]["value"] == pytest.approx(0.5128205, abs=1e-7)
    assert reference.loc["A", UNAIDED, "specificity"]["value"] == pytest.approx(0.7969349, abs=1e-7)


def test_confidence_in_the_answer_ranks_as_the_score_that_gave_both(reference):
    found = reference.loc["A", UNAIDED, "auc"]
    assert found[["value", "low", "high"]].tolist() == pytest.approx([0.87051773, 0.81495515, 0.92608031], abs=1e-8)
    missing = reference.loc["B", UNAIDED, "auc"]
    assert np.isnan(missing["value"]) and "300 of 300" in missing["method"]


def test_mcnemar_and_cochran_as_the_references_give_them(reference):
    assert reference.loc["A vs B", UNAIDED, "accuracy_difference_p"]["value"] == pytest.approx(0.28909608, abs=1e-8)
    assert reference.loc["B", CHANGE, "accuracy_change_p"]["value"] == pytest.approx(0.28909608, abs=1e-8)
    assert reference.loc["readers and model", UNAIDED, "cochran_q"]["value"] == pytest.approx(3.66292135, abs=1e-8)
    assert reference.loc["readers and model", UNAIDED, "cochran_p"]["value"] == pytest.approx(0.16017943, abs=1e-8)


def test_mcnemar_is_split_among_deaths_and_survivors(reference):
    died = Y == 1
    for metric, among in (("sensitivity", died), ("specificity", ~died)):
        right_a, right_b = ((called == died)[among] for called in (CALLED_A, CALLED_B))
        gained, lost = int((right_a & ~right_b).sum()), int((~right_a & right_b).sum())
        wanted = binomtest(gained, gained + lost).pvalue
        assert reference.loc["B", CHANGE, f"{metric}_change_p"]["value"] == pytest.approx(wanted, abs=1e-12)
        change = reference.loc["B", CHANGE, f"{metric}_change"]
        assert change["value"] == pytest.approx((gained - lost) / among.sum(), abs=1e-12)
        assert change["method"].startswith(f"{gained} right by the first alone, {lost}")


def test_holm_corrects_over_all_pairs_of_a_condition(reference):
    pairs = ["A vs B", "A vs model", "B vs model"]
    single = [reference.loc[pair, UNAIDED, "accuracy_difference_p"]["value"] for pair in pairs]
    corrected = [reference.loc[pair, UNAIDED, "accuracy_difference_p_holm"]["value"] for pair in pairs]
    assert corrected == pytest.approx(evaluation.holm(single).tolist()) and corrected != single


def test_cochran_of_two_is_mcnemar_without_continuity():
    found = figures(arm("B", UNAIDED, CALLED_B), cases(Y, CALLED_A))
    assert found.loc["readers and model", UNAIDED, "cochran_q"]["value"] == pytest.approx(1.3595506, abs=1e-7)
    assert found.loc["readers and model", UNAIDED, "cochran_p"]["value"] == pytest.approx(0.24361539, abs=1e-8)


def test_the_order_of_rows_and_spelling_do_not_matter(reference):
    answers = pd.concat([arm("A", UNAIDED, CALLED_A, confidence=100 * abs(A - 0.2)), arm("B", UNAIDED, CALLED_B)])
    answers = pd.concat([answers, arm("B", AIDED, CALLED_A)]).sample(frac=1, random_state=3)
    answers["answer"] = " " + answers["answer"].str.upper()
    again = figures(answers, cases(Y, CALLED_MEAN, (SET["pa"] + SET["pb"]) / 2))
    pd.testing.assert_frame_equal(again, reference)


def drawn(seed: int, gain: float, readers: int = 4, number: int = 200):
    """Readers of different skill on cases of different difficulty, half of them dead; ``gain`` in logits on deaths."""
    random = np.random.default_rng(seed)
    died = np.arange(number) % 2 == 0
    easy = random.normal(0, 1, number) + random.normal(0, 0.4, (readers, 1))
    chance = {how: 1 / (1 + np.exp(-(0.2 + easy + help * died))) for how, help in ((UNAIDED, 0.0), (AIDED, gain))}
    return died, {how: random.random((readers, number)) < right for how, right in chance.items()}


def found_change(seed: int, gain: float):
    died, right = drawn(seed, gain)
    return bootstrap_change(right[AIDED][:, died], right[UNAIDED][:, died], Resampling(300, seed=seed))


def test_a_planted_improvement_is_found_and_a_planted_null_is_not():
    null, planted = ([found_change(seed, gain) for seed in range(60)] for gain in (0.0, 1.2))
    wrong = sum(not one.low <= 0 <= one.high for one in null)
    assert wrong <= 3, "of 60, five in a hundred at most are meant to be"
    assert sum(one.low > 0 for one in planted) >= 57
    assert abs(np.mean([one.value for one in null])) < 0.015 and np.mean([one.value for one in planted]) > 0.15


def test_the_pooled_effect_comes_out_of_the_whole_study():
    died, right = drawn(5, 1.2)
    called = {how: right[how] == died for how in right}
    answers = [arm(f"R{reader}", how, called[how][reader]) for how, reader in product(called, range(4))]
    found = figures(pd.concat(answers), cases(died))
    change = found.loc["readers", CHANGE, "sensitivity_change"]
    assert change["low"] > 0
    single = [found.loc[f"R{reader}", CHANGE, "sensitivity_change"]["value"] for reader in range(4)]
    assert change["value"] == pytest.approx(np.mean(single))
    spared = found.loc["readers", CHANGE, "specificity_change"]
    assert spared["low"] <= 0 <= spared["high"]


def whole_study(**more) -> tuple[np.ndarray, pd.DataFrame]:
    died, right = drawn(5, 1.2)
    dead = {condition: right[condition] == died for condition in right}
    arms = product(dead, range(4))
    return died, pd.concat([arm(f"R{number}", how, dead[how][number], **more) for how, number in arms])


def test_all_readers_have_three_intervals_around_one_change():
    died, answers = whole_study()
    found = figures(answers, cases(died))
    for metric in ("sensitivity", "specificity"):
        sample, fixed, bootstrap = (
            found.loc["readers", CHANGE, f"{metric}_change{ending}"] for ending in ("_mrmc", "_fixed_readers", "")
        )
        assert sample["value"] == pytest.approx(fixed["value"]) == pytest.approx(bootstrap["value"])
        assert sample["high"] - sample["low"] >= fixed["high"] - fixed["low"] > 0
        for name, interval in (("_mrmc", sample), ("_fixed_readers", fixed)):
            p_value = found.loc["readers", CHANGE, f"{metric}_change{name}_p"]["value"]
            assert (p_value < 0.05) == (interval["low"] > 0 or interval["high"] < 0)
    assert found.loc["readers", CHANGE, "sensitivity_change_mrmc"]["low"] > 0
    assert ("readers", CHANGE, "auc_change_mrmc") not in found.index, "no confidence was given"


def test_the_change_of_the_auc_needs_every_confidence():
    died, answers = whole_study(confidence=60)
    found = figures(answers, cases(died))
    each = [found.loc[f"R{reader}", CHANGE, "auc_change"]["value"] for reader in range(4)]
    assert found.loc["readers", CHANGE, "auc_change_mrmc"]["value"] == pytest.approx(np.mean(each))
    aucs = [found.loc["R0", condition, "auc"]["value"] for condition in (AIDED, UNAIDED)]
    assert each[0] == pytest.approx(aucs[0] - aucs[1])
    answers.iloc[3, answers.columns.get_loc("confidence")] = np.nan
    assert not [metric for *_, metric in figures(answers, cases(died)).index if metric == "auc_change_mrmc"]


def test_one_reader_is_no_sample_of_readers():
    died, answers = whole_study()
    found = figures(answers[answers["reader_id"] == "R1"], cases(died))
    assert np.isnan(found.loc["readers", CHANGE, "sensitivity_change_mrmc"]["value"])
    own = found.loc["R1", CHANGE, "sensitivity_change"]["value"]
    fixed = found.loc["readers", CHANGE, "sensitivity_change_fixed_readers"]
    assert fixed["low"] < fixed["value"] == pytest.approx(own) and np.isfinite(fixed["high"])


def test_the_last_answer_counts_and_the_share_of_changed_ones_is_a_figure():
    answers = changed(1, "answer", "alive").assign(first_answer=[*["Dead", "dead", "alive", "alive"], *[""] * 4])
    found = figures(answers, cases(DIED))
    assert found.loc["R1", UNAIDED, "sensitivity"]["value"] == 0.5
    assert found.loc["R1", UNAIDED, "changed_answers"]["value"] == 0.25
    assert ("R1", AIDED, "changed_answers") not in found.index, "the file does not say"


def test_the_bootstrap_of_one_reader_has_the_width_of_theory():
    values = np.random.default_rng(2).normal(0.1, 0.5, (1, 400))
    found = crossed_bootstrap(values, Resampling(4000))
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * values.std() / 20, rel=0.06)
    assert found.value == pytest.approx(values.mean()) and "one reader" in str(found.note)
    apart = np.repeat([[0.0], [1.0], [0.0], [1.0]], 400, axis=1)
    assert crossed_bootstrap(apart).high - crossed_bootstrap(apart).low > 0.5, "readers are a sample too"


def test_kappa_is_scikit_learns_and_two_raters_make_scotts_pi():
    a, b = CALLED_A.to_numpy(), CALLED_B.to_numpy()
    assert cohen_kappa(a, b).value == pytest.approx(cohen_kappa_score(a, b), abs=1e-12)
    share = (a.mean() + b.mean()) / 2
    expected = share**2 + (1 - share) ** 2
    scott = ((a == b).mean() - expected) / (1 - expected)
    assert fleiss(np.stack([a, b]).astype(float)).value == pytest.approx(scott, abs=1e-12)
    assert cohen_kappa(a, a).value == fleiss(np.stack([a, a, a]).astype(float)).value == 1
    everyone = np.ones(10, dtype=bool)
    assert "one answer only" in str(cohen_kappa(everyone, everyone).note)
    assert "one answer only" in str(fleiss(np.ones((3, 10))).note)


DIED = [True, True, False, False]
WHOLE = pd.concat([arm("R1", UNAIDED, DIED, confidence=50), arm("R1", AIDED, DIED, confidence=50)], ignore_index=True)


def changed(row: int, column: str, value) -> pd.DataFrame:
    table = WHOLE.astype(object)
    table.loc[row, column] = value
    return table


@pytest.mark.parametrize(
    ("answers", "truth", "message"),
    [
        (WHOLE.drop(5), cases(DIED), "R1 has no aided answer to C1: let R1 finish the page, or leave R1's aided"),
        (pd.concat([WHOLE, WHOLE[6:7]]), cases(DIED), "R1 answered C2 more than once (aided): keep the answers"),
        (changed(0, "case_id", "C9"), cases(DIED), "this study has no case C9: leave out"),
        (WHOLE, cases(DIED).assign(fold=[-1, 2, -1, -1]), "the model learnt from the patients of C1: draw cases"),
        (WHOLE, cases([True] * 4), "deaths only, or survivors only: draw cases of both"),
        (WHOLE[:0], cases(DIED), "there is no answer: name the files"),
        (changed(3, "answer", "perhaps"), cases(DIED), "the answers, line 5: answer is 'perhaps': write dead or alive"),
        (changed(3, "condition", "asleep"), cases(DIED), "line 5: condition is 'asleep': write unaided or aided"),
        (changed(3, "answer", "dead").assign(first_answer="?"), cases(DIED), "line 2: first_answer is '?': write dead"),
        (changed(3, "confidence", 101), cases(DIED), "line 5: confidence is '101.0': write 0 to 100"),
        (changed(3, "confidence", "very"), cases(DIED), "line 5: confidence is 'very': write a number"),
        (changed(3, "confidence", "inf"), cases(DIED), "line 5: confidence is 'inf': write a number"),
        (changed(3, "reader_id", "model"), cases(DIED), "line 5: reader_id is 'model': call readers"),
        (changed(3, "reader_id", None), cases(DIED), "line 5: reader_id is '': call readers"),
        (WHOLE.drop(columns="case_id"), cases(DIED), "the answers: no column case_id: name the columns"),
    ],
)
def test_what_would_make_the_pairs_unfair_is_refused(answers, truth, message):
    with pytest.raises(UserError) as refusal:
        checked(typed(answers.reset_index(drop=True)), truth)
    assert message in str(refusal.value)


def test_one_arm_alone_has_no_change():
    found = figures(WHOLE[:4], cases(DIED))
    assert not [subset for _, subset, _ in found.index if subset == CHANGE]
