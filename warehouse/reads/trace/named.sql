-- What $word names: a study or a file of the archive by its pseudonym or the beginning of it, a file by the digest of its
-- content, a model by its name.
SELECT 'study' AS kind, study_key AS name FROM study WHERE $is_key AND starts_with(study_key, $word)
UNION
SELECT 'file', instance_key FROM dicom_instance WHERE $is_key AND (starts_with(instance_key, $word) OR source_digest = $word)
UNION
SELECT 'model', model FROM metric WHERE model = $word AND evaluation <> 'comparison'
ORDER BY ALL;
