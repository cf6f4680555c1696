-- Candidate cases of a reader study: one study for each patient of the reader set, with a loop of $view and a score of
-- $model, for which the patient is held out (fold -1). The loops of the other $views are listed after those of $view.
WITH loops AS (
    SELECT
        clip.study_key,
        list(clip.clip_key ORDER BY clip_view.view <> $view, clip_view.view, clip.clip_key) AS clip_keys,
        list(clip_view.view ORDER BY clip_view.view <> $view, clip_view.view, clip.clip_key) AS clip_views
    FROM clip
    JOIN clip_view USING (clip_key)
    WHERE clip.status = 'accepted' AND (clip_view.view = $view OR list_contains($views, clip_view.view))
    GROUP BY clip.study_key
    HAVING bool_or(clip_view.view = $view)
)
SELECT
    cohort.study_key,
    cohort.patient_key,
    cohort.fold,
    cohort.label = 1 AS died,
    score.logit,
    ledger.artifact,
    loops.clip_keys,
    loops.clip_views,
    feature.age,
    feature.tr_vmax,
    feature.heart_rate,
    feature.ldl,
    feature.lvef,
    feature.dbp,
    feature.pa_acc_time,
    feature.sbp,
    feature.pa_acc_slope,
    feature.diastolic_function
FROM cohort
JOIN loops USING (study_key)
JOIN score ON score.study_key = cohort.study_key AND score.model = $model AND score.fold = -1
JOIN ledger ON ledger.asset = 'clips' AND ledger.unit = cohort.study_key
LEFT JOIN feature ON feature.study_key = cohort.study_key
WHERE cohort.role = 'reader'
QUALIFY row_number() OVER (PARTITION BY cohort.patient_key ORDER BY cohort.headline DESC, cohort.study_key) = 1
ORDER BY cohort.study_key;
