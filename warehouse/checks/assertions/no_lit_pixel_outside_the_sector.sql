-- asset: clips
-- never: A pixel lit outside the sector, where text may be.
-- Clips with a lit pixel outside the ultrasound sector, where burned-in text may be, or whose sector was not checked.
SELECT count(*) AS offending
FROM clip
WHERE status = 'accepted' AND (lit_outside IS NULL OR lit_outside <> 0)
