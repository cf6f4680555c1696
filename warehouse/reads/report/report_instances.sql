-- Files of the archive by final status and reason, with the columns by which the report groups them.
SELECT
    coalesce(clip.status, link.status, instance.status) AS status,
    coalesce(instance.reason, link.reason, clip.reason) AS reason,
    coalesce(clip_view.view, clip.view, instance.view) AS view,
    coalesce(clip_view.view_source, instance.view_source) AS view_source,
    instance.transfer_syntax,
    coalesce(clip.fps_source, instance.fps_source) AS fps_source,
    count(*) AS instances
FROM dicom_instance AS instance
LEFT JOIN instance_link AS link USING (instance_key)
LEFT JOIN clip USING (instance_key)
LEFT JOIN clip_view USING (clip_key)
GROUP BY ALL
ORDER BY ALL;
