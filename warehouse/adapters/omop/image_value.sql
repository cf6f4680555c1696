-- Measurements that the imaging extension's table image_feature ties to an image, with the study of that image (null:
-- it is not listed), and whether the image is of an echocardiogram at rest.
WITH field AS (
    SELECT TRY_CAST(concept_id AS BIGINT) AS concept_id FROM raw_concept WHERE concept_name = 'measurement.measurement_id'
    UNION
    SELECT concept_id FROM made_known_concept WHERE kind = 'event_field' AND target = 'measurement'
)
SELECT
    TRY_CAST(image_feature_event_id AS BIGINT) AS measurement_id,
    min(echo.study_id) AS study_id,
    bool_or(coalesce(is_echo, false)) AS is_echo
FROM raw_image_feature AS feature
JOIN raw_image_occurrence AS image
    ON TRY_CAST(image.image_occurrence_id AS BIGINT) = TRY_CAST(feature.image_occurrence_id AS BIGINT)
LEFT JOIN made_echo AS echo
    ON echo.study_id = trim(CAST(image_study_uid AS VARCHAR)) AND echo.person_id = as_whole(image.person_id)
LEFT JOIN made_image_study AS study
    ON study.study_id = trim(CAST(image_study_uid AS VARCHAR)) AND study.person_id = as_whole(image.person_id)
WHERE TRY_CAST(image_feature_event_field_concept_id AS BIGINT) IN (FROM field)
    AND TRY_CAST(image_feature_event_id AS BIGINT) IS NOT NULL
GROUP BY ALL
