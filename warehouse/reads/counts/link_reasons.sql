-- Rows of instance_link by status, the rejected ones by their reason.
SELECT coalesce(reason, status) AS reason, count(*) AS files FROM instance_link GROUP BY ALL ORDER BY files DESC, reason;
