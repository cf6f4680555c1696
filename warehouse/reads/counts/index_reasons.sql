-- Rows of dicom_instance by status, the rejected ones by their reason.
SELECT coalesce(reason, status) AS reason, count(*) AS files FROM dicom_instance GROUP BY ALL ORDER BY files DESC, reason;
