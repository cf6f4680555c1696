-- Statements of death: one person may have several, from several sources.
SELECT patient_id, death_date, source
FROM raw_death
