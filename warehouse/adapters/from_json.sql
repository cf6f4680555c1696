-- Macros for adapters of tables whose cells are JSON: text that is not JSON has no part.
-- Each names its x once: a macro's argument is written out, and planned, wherever the macro names it.
-- json_text(x, path): the text at the path. json_parts(x): the elements of a list; a single element is a list of one.
CREATE OR REPLACE TEMP MACRO json_text(x, path) AS
    nullif(trim(json_extract_string(TRY_CAST(CAST(x AS VARCHAR) AS JSON), path)), '');
CREATE OR REPLACE TEMP MACRO json_parts(x) AS
    list_transform(
        [CAST(x AS VARCHAR)],
        lambda text: CASE coalesce(json_type(TRY_CAST(text AS JSON)), 'NULL')
            WHEN 'NULL' THEN []
            WHEN 'ARRAY' THEN CAST(json_extract(text, '$[*]') AS VARCHAR[])
            ELSE [text]
        END
    )[1];
-- fhir_id(reference, type): the id of the resource that a FHIR reference names: Patient/1, Patient/1/_history/2, an
-- absolute URL, urn:uuid:1. Null for a resource of another type and for one that is contained (#1).
CREATE OR REPLACE TEMP MACRO fhir_id(reference, type) AS
    CASE
        WHEN regexp_matches(reference, '^urn:(uuid|oid):') THEN regexp_replace(reference, '^urn:(uuid|oid):', '')
        ELSE nullif(regexp_extract(reference, '(^|/)' || type || '/([^/?#|]+)(/_history/[^/]*)?$', 2), '')
    END;
-- patient_reference(subject): what names a patient: 'Patient/' and the id, or 'identifier ', its system, '|' and its
-- value; never a record number, so that a reference to nobody of the export is nobody's number.
CREATE OR REPLACE TEMP MACRO patient_reference(subject) AS
    coalesce(
        'Patient/' || fhir_id(json_text(subject, '$.reference'), 'Patient'),
        regexp_replace(
            nullif(regexp_extract(json_text(subject, '$.reference'), '^Patient\?identifier=(.*\|)?[^|]+$'), ''),
            '^Patient\?identifier=(?:(.*)\|)?([^|]+)$',
            'identifier \1|\2'
        ),
        'identifier ' || coalesce(json_text(subject, '$.identifier.system'), '') || '|' || json_text(subject, '$.identifier.value')
    );
-- contained_one(contained, reference): the resource among the contained ones that a reference (#id) names.
CREATE OR REPLACE TEMP MACRO contained_one(contained, reference) AS
    CASE
        WHEN starts_with(reference, '#')
            THEN list_filter(json_parts(contained), lambda one: json_text(one, '$.id') = substr(reference, 2))[1]
    END;
-- any_contained(contained, type): the reference (#id; # to one without an id) to the first contained resource of a type.
CREATE OR REPLACE TEMP MACRO any_contained(contained, type) AS
    if(
        contained IS NULL,
        NULL,
        '#' || list_transform(
            list_filter(json_parts(contained), lambda one: json_text(one, '$.resourceType') = type),
            lambda one: coalesce(json_text(one, '$.id'), '')
        )[1]
    );
-- fhir_reference(said, type, owner): the id of the resource that an element names: fhir_id, or for a contained one
-- (#id) the owner ('Condition/1') and that.
CREATE OR REPLACE TEMP MACRO fhir_reference(said, type, owner) AS
    if(
        starts_with(json_text(said, '$.reference'), '#'),
        owner || json_text(said, '$.reference'),
        fhir_id(json_text(said, '$.reference'), type)
    );
-- A CodeableReference is what R5 makes of an element that R4 has twice: as a concept and as a reference.
-- referenced_concept(said): its concept; referenced(said): what it names.
CREATE OR REPLACE TEMP MACRO referenced_concept(said) AS json_text(said, '$.concept');
CREATE OR REPLACE TEMP MACRO referenced(said) AS json_text(said, '$.reference.reference');
-- code_system(system): a system of codes as systems.csv names it. An OID without urn:oid:, https for http and an edition of
-- SNOMED CT behind its name are the same system.
CREATE OR REPLACE TEMP MACRO code_system(system) AS
    list_transform(
        [regexp_replace(rtrim(lower(system), '/'), '^https:', 'http:')],
        lambda name: CASE
            WHEN regexp_full_match(name, '[0-2](\.\d+)+') THEN 'urn:oid:' || name
            WHEN starts_with(name, 'http://snomed.info/sct/') THEN 'http://snomed.info/sct'
            ELSE name
        END
    )[1];
-- concept_words(concept): the words of a concept: its text and those of its codings.
CREATE OR REPLACE TEMP MACRO concept_words(concept) AS
    concat_ws(
        ' ',
        json_text(concept, '$.text'),
        array_to_string(
            list_transform(json_parts(json_text(concept, '$.coding')), lambda coding: json_text(coding, '$.display')), ' '
        )
    );
-- is_class_system(system): whether a system is one of HL7's of the class of an encounter.
CREATE OR REPLACE TEMP MACRO is_class_system(system) AS
    coalesce(regexp_matches(system, '(?i)ActCode|v2-0004|2\.16\.840\.1\.113883\.5\.4$'), false);
-- is_record_number(identifier): whether its type says that it is a medical record number: by HL7's code, or in words
-- alone.
CREATE OR REPLACE TEMP MACRO is_record_number(identifier) AS
    coalesce(
        list_contains(json_extract_string(identifier, '$.type.coding[*].code'), 'MR')
        OR regexp_full_match(lower(json_text(identifier, '$.type.text')), 'mrn?|medical record number'),
        false
    );
-- patient_named(subject, contained): patient_reference; a contained patient is named by its identifier, the record
-- number if it has one.
CREATE OR REPLACE TEMP MACRO patient_named(subject, contained) AS
    list_transform(
        [
            coalesce(
                if(
                    contained IS NULL,
                    NULL,
                    list_transform(
                        [json_parts(json_text(contained_one(contained, json_text(subject, '$.reference')), '$.identifier'))],
                        lambda numbers: '{"identifier": '
                            || coalesce(list_filter(numbers, lambda one: is_record_number(one))[1], numbers[1])
                            || '}'
                    )[1]
                ),
                CAST(subject AS VARCHAR)
            )
        ],
        lambda one: patient_reference(one)
    )[1];
-- version_of(meta): which version of a resource this is: by when it was written, then by its number.
CREATE OR REPLACE TEMP MACRO version_of(meta) AS {
    'written_at': coalesce(
        TRY_CAST(without_leap_second(json_text(meta, '$.lastUpdated')) AS TIMESTAMPTZ), TIMESTAMPTZ '0001-01-01 00:00:00+00'
    ),
    'number': coalesce(TRY_CAST(json_text(meta, '$.versionId') AS BIGINT), -1)
};
-- joined_concepts(concepts): one concept with the codings and the texts of several, in their order.
CREATE OR REPLACE TEMP MACRO joined_concepts(concepts) AS
    list_transform(
        [concepts],
        lambda ones: CAST(
            json_object(
                'coding',
                CAST(flatten(list_transform(ones, lambda one: json_parts(json_text(one, '$.coding')))) AS JSON[]),
                'text',
                array_to_string(list_transform(ones, lambda one: json_text(one, '$.text')), ' ')
            ) AS VARCHAR
        )
    )[1];
-- active_ingredients(ingredient): the ingredients of a FHIR Medication, but those that are said to be none of its effect.
CREATE OR REPLACE TEMP MACRO active_ingredients(ingredient) AS
    list_filter(json_parts(ingredient), lambda one: coalesce(json_text(one, '$.isActive'), 'true') <> 'false');
-- drug_concept(code, ingredient): what a FHIR Medication is by itself: its code, and after that the codes of its
-- ingredients, as far as they are no references.
CREATE OR REPLACE TEMP MACRO drug_concept(code, ingredient) AS
    if(
        ingredient IS NULL,
        CAST(code AS VARCHAR),
        joined_concepts(
            list_prepend(
                CAST(code AS VARCHAR),
                list_transform(
                    active_ingredients(ingredient),
                    lambda one: coalesce(json_text(one, '$.itemCodeableConcept'), referenced_concept(json_text(one, '$.item')))
                )
            )
        )
    );
-- drug_name(reference, contained): by what fhir/drug_named.sql knows the drug that a reference names; a contained one by what
-- it is contained in.
CREATE OR REPLACE TEMP MACRO drug_name(reference, contained) AS
    CASE
        WHEN starts_with(reference, '#') THEN md5(CAST(contained AS VARCHAR)) || reference
        ELSE coalesce('Medication/' || fhir_id(reference, 'Medication'), 'Substance/' || fhir_id(reference, 'Substance'))
    END;
-- is_of_another_kind(words): whether words about an ultrasound of the heart, in one of seven languages, say that it is
-- no transthoracic one at rest; is_of_the_heart(words): whether words about an ultrasound name the heart.
CREATE OR REPLACE TEMP MACRO is_of_another_kind(words) AS
    regexp_matches(
        lower(words),
        'trans-?(o?[eé]|ö|œ)s[oó](ph|f)|経食道|\b(tee|toe|töe|ete|eto|ice|ivus)\b'
        || '|(^|[^i])stress|estr[eé]s|effort|esfuerzo|esfor[cç]o|sforzo|belastung|inspanning|dobutamin|ergometr|負荷'
        || '|f(o?e|ö|œ)ta|胎児|(intra-?cardiac|epicardial) (echo|ultras)|intra-?(vascular|operative)'
    );
CREATE OR REPLACE TEMP MACRO is_of_the_heart(words) AS
    regexp_matches(
        lower(words),
        '[ck]h?o-?[ck]ardio|\b(tte|ett|echo)\b|transth?ora|heart|card[ií]a[acq]|herz|\bhart|c(oe|œ)ur|cuore|coraz[oó]n|心エコー|心臓|経胸壁'
    );
-- is_another_echo(words): whether words alone, about anything, say that it is an echocardiogram of another kind; a
-- stress test with a recording is none, and neither is the amputation of a toe.
-- is_transthoracic(words): whether words about an echocardiogram say that it is transthoracic.
CREATE OR REPLACE TEMP MACRO is_another_echo(words) AS
    is_of_another_kind(words)
    AND regexp_matches(
        lower(words),
        '[eé][ck]ho|(^|[^a-zà-ÿ]|stress|estr[eé]s|sforzo)[eé][ck]o|エコー|心臓超音波|\b(tee|töe|ete|eto)\b|^\W*(toe|ice)\W*$'
    );
CREATE OR REPLACE TEMP MACRO is_transthoracic(words) AS regexp_matches(lower(words), 'trans-?t(h|)?[oó]ra|経胸壁|\b(tte|ett)\b');
-- end_of_duration(begun, duration, times): the day on which so many times a FHIR duration after the moment `begun` are
-- over, as text; null for a duration of no unit, and for one of more than a century.
CREATE OR REPLACE TEMP MACRO end_of_duration(begun, duration, times) AS
    CAST(
        list_transform(
            [
                ceil(
                    TRY_CAST(json_text(duration, '$.value') AS DOUBLE)
                    * times
                    * CASE lower(coalesce(json_text(duration, '$.code'), json_text(duration, '$.unit')))
                        WHEN 'd' THEN 1 WHEN 'day' THEN 1 WHEN 'days' THEN 1
                        WHEN 'wk' THEN 7 WHEN 'week' THEN 7 WHEN 'weeks' THEN 7
                        WHEN 'mo' THEN 365.25 / 12 WHEN 'month' THEN 365.25 / 12 WHEN 'months' THEN 365.25 / 12
                        WHEN 'a' THEN 365.25 WHEN 'year' THEN 365.25 WHEN 'years' THEN 365.25
                    END
                )
            ],
            lambda days: CASE WHEN days BETWEEN 0 AND 36525 THEN CAST(as_moment(begun) + to_days(CAST(days AS INTEGER)) AS DATE) END
        )[1] AS VARCHAR
    );
