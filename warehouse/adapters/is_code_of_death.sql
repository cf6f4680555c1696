-- A macro for adapters: is_code_of_death(coding): whether a FHIR coding says that somebody died, or left a stay dead:
-- SNOMED CT (patient died, dead, deceased during the stay), the US uniform bill and HL7's table 0112 after it (20, 40 to
-- 42), the German reason of discharge (07, of three digits 079) and vital status (T).
CREATE OR REPLACE TEMP MACRO is_code_of_death(coding) AS
    coalesce(
        regexp_matches(
            lower(json_text(coding, '$.system')) || ' ' || json_text(coding, '$.code'),
            '(snomed\.info/sct|113883\.6\.96)/? (397709008|419099009|371828006)$'
            || '|(nubc|patdischargestatus|v2-0112|113883\.6\.301\.5).* (20|40|41|42)$'
            || '|entlassungsgrund.* 07\d?$'
            || '|vitalstatus T$'
        ),
        false
    );
