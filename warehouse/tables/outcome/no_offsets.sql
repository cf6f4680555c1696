-- Where dates are kept, every patient's calendar is the true one: nobody has an offset.
CREATE OR REPLACE TEMP TABLE patient_offset (patient_key VARCHAR, shift INTEGER)
