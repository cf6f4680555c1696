-- How many files of the archive remain after the header, after linkage and after the pixels (accepted clips).
SELECT
    count(*) AS files,
    count(*) FILTER (WHERE instance.status = 'accepted') AS readable,
    count(*) FILTER (WHERE link.status = 'accepted') AS linked,
    count(*) FILTER (WHERE clip.status = 'accepted') AS clips
FROM dicom_instance AS instance
LEFT JOIN instance_link AS link USING (instance_key)
LEFT JOIN clip USING (instance_key);
