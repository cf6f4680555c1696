-- Files that could not be read, by the asset that tried.
SELECT asset, count(*) AS files
FROM (
    SELECT 'dicom_index' AS asset, reason FROM dicom_instance UNION ALL SELECT 'clips', reason FROM clip
)
WHERE reason = 'unreadable_file'
GROUP BY asset
ORDER BY asset DESC;
