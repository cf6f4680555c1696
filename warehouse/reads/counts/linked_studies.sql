-- Studies of the archive (by the number in their headers, else by folder), and how many have a file that is linked.
SELECT count(*) AS studies, count(*) FILTER (WHERE linked) AS linked
FROM (
    SELECT
        coalesce(instance.study_key, instance.accession_key, instance.folder_key) AS named,
        bool_or(link.status = 'accepted') AS linked
    FROM instance_link AS link
    JOIN dicom_instance AS instance USING (instance_key)
    GROUP BY ALL
);
