-- What the file of every accepted clip tells without its picture, and the year of its study.
CREATE OR REPLACE TEMP VIEW clip_header AS
SELECT
    clip.clip_key,
    instance.fps,
    instance.frames,
    instance.bytes,
    instance.rows,
    instance.columns,
    study.study_year,
    instance.manufacturer,
    instance.model,
    instance.transfer_syntax,
    instance.fps_source,
    instance.view_source
FROM clip
JOIN dicom_instance AS instance USING (instance_key)
JOIN study ON study.study_key = clip.study_key
WHERE clip.status = 'accepted';
