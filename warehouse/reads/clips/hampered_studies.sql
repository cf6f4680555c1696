-- Studies of which a file gave no clip for one of $reasons, causes that may pass.
SELECT DISTINCT study_key FROM clip WHERE list_contains($reasons, reason);
