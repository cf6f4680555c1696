-- asset: clips
-- also: dicom_index, linkage
-- never: A file lost between index, linkage and clips.
-- Readable instances without exactly one row in instance_link, linked instances without exactly one row in clip (accepted
-- or rejected), and rows of these tables without such an instance.
SELECT
    (
        SELECT count(*)
        FROM (SELECT instance_key FROM dicom_instance WHERE status = 'accepted') AS readable
        FULL JOIN (SELECT instance_key, count(*) AS rows FROM instance_link GROUP BY instance_key) AS linked
            ON linked.instance_key = readable.instance_key
        WHERE readable.instance_key IS NULL OR linked.rows IS NULL OR linked.rows <> 1
    )
    + (
        SELECT count(*)
        FROM (SELECT instance_key FROM instance_link WHERE status = 'accepted') AS linked
        FULL JOIN (SELECT instance_key, count(*) AS rows FROM clip GROUP BY instance_key) AS made
            ON made.instance_key = linked.instance_key
        WHERE linked.instance_key IS NULL OR made.rows IS NULL OR made.rows <> 1
    )
    AS offending
