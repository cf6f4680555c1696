-- The files of the archive that were linked to $studies, and the files $instances, each with what became of it.
SELECT
    instance.instance_key,
    instance.folder_key,
    link.study_key,
    instance.source_digest,
    coalesce(clip.status, link.status, instance.status) AS status,
    coalesce(clip.reason, link.reason, instance.reason) AS reason,
    clip.clip_key,
    coalesce(clip_view.view, clip.view, instance.view) AS view,
    clip.digest AS clip_digest
FROM dicom_instance AS instance
LEFT JOIN instance_link AS link USING (instance_key)
LEFT JOIN clip USING (instance_key)
LEFT JOIN clip_view USING (clip_key)
WHERE link.study_key IN (SELECT unnest($studies::VARCHAR[])) OR instance.instance_key IN (SELECT unnest($instances::VARCHAR[]))
ORDER BY link.study_key, instance.instance_key;
