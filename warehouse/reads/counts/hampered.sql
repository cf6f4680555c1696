-- Files that gave no clip for one of $reasons, causes that may pass.
SELECT reason, count(*) AS files FROM clip WHERE list_contains($reasons, reason) GROUP BY reason ORDER BY reason;
