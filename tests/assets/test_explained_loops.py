"""The report shows what the risks of its example loops rest on, by networks that did not learn from the patients."""

import json

import numpy as np
import pytest
from projects import Home

FILE = "models/explained_loops.json"
TITLE = "What the risks of these loops rest on"
SCORES = """
SELECT clip.clip_key, score.logit
FROM clip
JOIN clip_view USING (clip_key)
JOIN score ON score.study_key = clip.study_key AND score.view = clip_view.view
WHERE clip.status = 'accepted'
QUALIFY count(*) OVER (PARTITION BY clip.study_key, clip_view.view) = 1
"""
"""Clips that are the only one of their view in their study, with their out-of-fold logit."""


def test_loops_are_explained_by_the_network_that_scored_them_out_of_fold_and_are_shown(project: Home) -> None:
    report = project.root / "report" / "report.html"
    assert json.loads((project.root / FILE).read_text()) == [] and TITLE not in report.read_text()
    size = report.stat().st_size
    project.rerun("--select", "explained_loops,report", "--set", "evaluation.explain_loops=true")
    found = json.loads((project.root / FILE).read_text())
    assert len(found) == 3 * len(project.query("SELECT DISTINCT view FROM score WHERE view IS NOT NULL"))
    scores = dict(project.query(SCORES))
    known = [one for one in found if one["clip_key"] in scores]
    assert len(known) >= 3 and all(one["logit"] == pytest.approx(scores[one["clip_key"]], abs=2e-3) for one in known)
    assert all(np.abs(one["picture"]).max() > 0 for one in found)
    page = report.read_text()
    assert TITLE in page and not any(one["clip_key"] in page for one in found)
    assert report.stat().st_size - size < 2e6
