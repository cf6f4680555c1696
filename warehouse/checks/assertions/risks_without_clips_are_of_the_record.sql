-- asset: risk_scores
-- never: A risk that no clip and no health record gave.
-- Only the champion's model of the health record alone scores a study without any clip.
SELECT count(*) AS offending FROM risk_score WHERE clips = 0 AND model <> 'ehr';
