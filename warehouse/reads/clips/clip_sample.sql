-- A sample of the accepted clips, spread by the digests of their pixels, so that it is the same each time.
SELECT clip.clip_key, ledger.artifact
FROM clip
JOIN ledger ON ledger.asset = 'clips' AND ledger.unit = clip.study_key
WHERE clip.status = 'accepted'
ORDER BY clip.digest, clip.clip_key
LIMIT $most;
