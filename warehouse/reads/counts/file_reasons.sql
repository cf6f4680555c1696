-- Files of the archive by the reason why their header or pixels were rejected; null for all others.
SELECT coalesce(instance.reason, clip.reason) AS reason, count(*) AS files
FROM dicom_instance AS instance
LEFT JOIN clip USING (instance_key)
GROUP BY ALL
ORDER BY ALL;
