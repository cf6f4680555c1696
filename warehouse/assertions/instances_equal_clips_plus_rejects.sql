-- Files lost on the way: instances that were accepted and have not exactly one row in clip, and rows of clip that belong to
-- no accepted instance.
SELECT count(*) AS offending
FROM (SELECT instance_key FROM dicom_instance WHERE status = 'accepted') AS accepted
FULL JOIN (SELECT instance_key, count(*) AS rows FROM clip GROUP BY instance_key) AS made
    ON made.instance_key = accepted.instance_key
WHERE accepted.instance_key IS NULL OR made.rows IS NULL OR made.rows <> 1
