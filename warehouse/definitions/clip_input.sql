-- The inputs of the clips of every study: one row for each linked file.
CREATE OR REPLACE TEMP VIEW clip_input AS
SELECT
    link.study_key,
    link.patient_key,
    link.instance_key,
    instance.folder_key,
    instance.source_digest,
    instance.stamp,
    instance.view,
    instance.view_source
FROM instance_link AS link
JOIN dicom_instance AS instance USING (instance_key)
WHERE link.status = 'accepted';
