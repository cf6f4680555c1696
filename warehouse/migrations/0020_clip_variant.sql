-- The clips of experiments: the same loops by other settings, and their optical flow.
CREATE TABLE clip_variant (
    variant VARCHAR NOT NULL,       -- 'raw', 'annotated', 'reduction_1' to 'reduction_4', 'flow'
    clip_key VARCHAR NOT NULL,      -- as in clip
    study_key VARCHAR NOT NULL,
    patient_key VARCHAR NOT NULL,
    view VARCHAR NOT NULL,          -- as in clip: from the header or the site's table
    status VARCHAR NOT NULL,        -- 'accepted' or 'rejected'
    reason VARCHAR,
    digest VARCHAR,                 -- of the pixels
    frames INTEGER,                 -- the shape of the pixels (flow: and 3 colours); NULL where rejected
    height INTEGER,
    width INTEGER
);
