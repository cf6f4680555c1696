-- Files of the archive by the reason that the header or the pixels gave against them; those without one together.
SELECT coalesce(instance.reason, clip.reason) AS reason, count(*) AS files
FROM dicom_instance AS instance
LEFT JOIN clip USING (instance_key)
GROUP BY ALL
ORDER BY ALL;
