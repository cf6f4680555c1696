-- Variants of studies (variant/study) of which a file gave no clip for one of $reasons, causes that may pass.
SELECT DISTINCT variant || '/' || study_key FROM clip_variant WHERE list_contains($reasons, reason);
