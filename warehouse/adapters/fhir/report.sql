-- Diagnostic reports, newest versions.
SELECT
    id,
    patient_named(subject, contained) AS subject,
    lower(as_text(status)) AS status,
    json_parts(identifier) AS identifiers,
    coalesce(as_text(effectivedatetime), json_text(effectiveperiod, '$.start')) AS reported_on,
    fhir_reference(encounter, 'Encounter', 'DiagnosticReport/' || id) AS encounter_id,
    code,
    list_transform(list_concat(json_parts(imagingstudy), json_parts(study)), lambda one: fhir_id(json_text(one, '$.reference'), 'ImagingStudy'))
        AS imaging_ids,
    list_transform(json_parts(result), lambda one: fhir_reference(one, 'Observation', 'DiagnosticReport/' || id))
        AS observation_ids
FROM raw_diagnosticreport
WHERE resourcetype = 'DiagnosticReport'
QUALIFY id IS NULL OR row_number() OVER (PARTITION BY id ORDER BY version_of(meta) DESC, hash(raw_diagnosticreport)) = 1
