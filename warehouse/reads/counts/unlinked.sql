-- Files that are not linked, and the studies that they are of, by reason.
SELECT
    link.reason,
    count(*) AS files,
    count(DISTINCT coalesce(instance.study_key, instance.accession_key, instance.folder_key)) AS studies
FROM instance_link AS link
JOIN dicom_instance AS instance USING (instance_key)
WHERE link.status = 'rejected'
GROUP BY link.reason
ORDER BY files DESC, link.reason;
