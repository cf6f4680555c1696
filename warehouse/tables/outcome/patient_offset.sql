-- The days by which the dates of each patient were moved; without rows if dates are not shifted.
CREATE OR REPLACE TEMP TABLE patient_offset (patient_key VARCHAR, shift INTEGER)
