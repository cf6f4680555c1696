-- Imaging studies, newest versions, and the reason why one is no echocardiogram (null: it is one). The number is the
-- StudyInstanceUID, else the AccessionNumber. An ultrasound of which nothing says what was examined is taken as one.
-- is_another_echo: it is an echocardiogram of another kind (transesophageal, stress ...), by its words, codes or
-- procedure.
WITH latest AS (
    SELECT
        id,
        patient_named(subject, contained) AS subject,
        lower(as_text(status)) AS status,
        json_parts(identifier) AS identifiers,
        list_concat(
            list_transform(json_parts(modality), lambda one: json_text(one, '$.code')),
            list_transform(json_parts(series), lambda one: json_text(one, '$.modality.code')),
            -- R5 has concepts.
            flatten(list_transform(json_parts(modality), lambda one: json_extract_string(one, '$.coding[*].code'))),
            flatten(list_transform(json_parts(series), lambda one: json_extract_string(one, '$.modality.coding[*].code')))
        ) AS modalities,
        coalesce(as_text(started), list_min(list_transform(json_parts(series), lambda one: json_text(one, '$.started')))) AS study_at,
        fhir_reference(encounter, 'Encounter', 'ImagingStudy/' || id) AS encounter_id,
        list_filter(
            list_transform(
                list_append(json_parts(partof), procedurereference),
                lambda one: fhir_id(json_text(one, '$.reference'), 'Procedure')
            ),
            lambda one: one IS NOT NULL
        )[1] AS procedure_id,
        list_concat(json_parts(procedurecode), list_transform(json_parts(procedure), lambda one: referenced_concept(one)))
            AS procedures,
        flatten(list_transform(procedures, lambda one: json_extract_string(one, '$.coding[*].code'))) AS codes,
        -- R4 has a coding of the part of the body.
        list_transform(
            json_parts(series),
            lambda one: coalesce(
                referenced_concept(json_text(one, '$.bodySite')), '{"coding": [' || json_text(one, '$.bodySite') || ']}'
            )
        ) AS sites,
        trim(
            lower(
                concat_ws(
                    ' ',
                    as_text(description),
                    array_to_string(list_transform(procedures, lambda one: concept_words(one)), ' '),
                    array_to_string(list_transform(json_parts(series), lambda one: json_text(one, '$.description')), ' '),
                    array_to_string(list_transform(sites, lambda one: concept_words(one)), ' ')
                )
            )
        ) AS words,
        -- 80891009: the heart (SNOMED CT).
        list_contains(flatten(list_transform(sites, lambda one: json_extract_string(one, '$.coding[*].code'))), '80891009') AS is_heart
    FROM raw_imagingstudy
    WHERE resourcetype = 'ImagingStudy'
    QUALIFY id IS NULL OR row_number() OVER (PARTITION BY id ORDER BY version_of(meta) DESC, hash(raw_imagingstudy)) = 1
),
numbered AS (
    SELECT
        *,
        list_filter(
            identifiers, lambda one: coalesce(json_text(one, '$.system'), '') = 'urn:dicom:uid'
        )[1] AS uid,
        list_filter(
            identifiers, lambda one: list_contains(json_extract_string(one, '$.type.coding[*].code'), 'ACSN')
        )[1] AS accession,
        list_has_any(codes, (SELECT list(code) FROM made_coded WHERE target = 'echo')) AS is_coded,
        list_has_any(
            codes, (SELECT list(code) FROM map_code_list WHERE kind = 'echo' AND code IS NOT NULL AND NOT is_resting_echo(target))
        ) AS is_of_another_code,
        coalesce(
            procedure_id IN (SELECT id FROM made_examination WHERE type = 'Procedure' AND NOT is_resting_echo(kind)), false
        ) AS is_of_another_procedure
    FROM latest
),
judged AS (
    SELECT
        *,
        is_another_echo(words) OR is_coded AND is_of_another_kind(words) OR is_of_another_code OR is_of_another_procedure
            AS is_of_another_echo
    FROM numbered
)
SELECT
    id,
    subject,
    study_at,
    encounter_id,
    procedure_id,
    coalesce(
        regexp_replace(json_text(uid, '$.value'), '^urn:oid:', ''),
        json_text(accession, '$.value'),
        'imaging study ' || id
    ) AS study_id,
    CASE
        WHEN status = 'entered-in-error' THEN 'ENTERED_IN_ERROR'
        WHEN status = 'cancelled' THEN 'STUDY_DID_NOT_TAKE_PLACE'
        WHEN NOT coalesce(list_contains(modalities, 'US'), false) THEN 'IMAGING_STUDY_NOT_OF_ULTRASOUND'
        WHEN is_of_another_kind(words) OR is_of_another_echo THEN 'ULTRASOUND_OF_ANOTHER_KIND'
        WHEN is_coded OR is_heart OR is_of_the_heart(words) THEN NULL
        WHEN words = '' AND coalesce(len(codes), 0) = 0 THEN NULL
        ELSE 'ULTRASOUND_OF_ANOTHER_KIND'
    END AS reason,
    coalesce(reason = 'ULTRASOUND_OF_ANOTHER_KIND' AND is_of_another_echo, false) AS is_another_echo
FROM judged
