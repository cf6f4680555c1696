-- What the headers of each study's files say, most of them or their middle. `watched_study` comes from
-- definitions/watched_study.sql.
SELECT
    study_key,
    any_value(watched_study.patient_key) AS patient_key,
    any_value(is_recent) AS is_recent,
    mode(instance_link.vendor) AS "scanner vendor",
    mode(dicom_instance.model) AS "scanner model",
    mode(dicom_instance.transfer_syntax) AS "transfer syntax",
    mode(dicom_instance.photometric) AS "photometric interpretation",
    mode(dicom_instance.fps_source) AS "source of the frame rate",
    median(dicom_instance.fps) AS "frame rate",
    median(dicom_instance.frames) AS "frames a file",
    median(dicom_instance.rows) AS "rows of a frame",
    count(*) AS "files a study",
    avg(CASE WHEN dicom_instance.status = 'rejected' THEN 1.0 ELSE 0.0 END) AS "share of files rejected"
FROM watched_study
JOIN instance_link USING (study_key)
JOIN dicom_instance USING (instance_key)
WHERE instance_link.status = 'accepted'
GROUP BY study_key
ORDER BY study_key;
