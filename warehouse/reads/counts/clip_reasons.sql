-- Rows of clip by status, the rejected ones by their reason.
SELECT coalesce(reason, status) AS reason, count(*) AS files FROM clip GROUP BY ALL ORDER BY files DESC, reason;
