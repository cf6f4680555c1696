-- By how many days the dates of each patient were moved; without a row where dates are kept and every calendar is the true one.
CREATE OR REPLACE TEMP TABLE patient_offset (patient_key VARCHAR, shift INTEGER)
