-- What each code of the events means (role and target): by the site's code_map alone, where it has the code; else by
-- the patterns of events.csv; else by the code itself or one of the codes above it in a vocabulary (VOCABULARY//code or
-- VOCABULARY/code; hierarchy/above.sql, hierarchy/diagnosis_code.sql). A drug is also known by an ingredient in its
-- code or description.
WITH code AS (
    SELECT DISTINCT CAST(code AS VARCHAR) AS code FROM raw_data WHERE code IS NOT NULL
),
mapped AS (
    SELECT as_text(code) AS code, as_text(target) AS target
    FROM raw_code_map
    WHERE as_text(code) IS NOT NULL
),
own AS (
    SELECT
        code,
        CASE
            WHEN starts_with(target, 'contact//') THEN 'contact'
            WHEN starts_with(target, 'ICD') THEN 'diagnosis'
            WHEN target = 'echo' THEN 'echo'
            WHEN target IN (SELECT drug_class FROM map_ingredients UNION SELECT drug_class FROM map_atc) THEN 'drug'
            WHEN target = 'none' THEN 'none'
            ELSE 'variable'
        END AS role,
        CASE WHEN starts_with(target, 'contact//') THEN substr(target, 10) ELSE target END AS target
    FROM mapped
    WHERE target IS NOT NULL
),
other AS (
    FROM code
    WHERE code NOT IN (SELECT code FROM own)
),
event AS (
    SELECT other.code, min_by((role, coalesce(target, '')), place) AS meant
    FROM other
    JOIN (SELECT *, row_number() OVER () AS place FROM map_events) AS known ON regexp_matches(upper(other.code), pattern)
    GROUP BY other.code
),
described AS (
    SELECT CAST(code AS VARCHAR) AS code, any_value(CAST(description AS VARCHAR)) AS description
    FROM raw_codes
    GROUP BY ALL
),
-- A variable, a drug and an echo are known by the code itself or by what it stands for; a diagnosis by any code above
-- it.
coded AS (
    SELECT term AS code, vocabulary, code AS local_code, distance
    FROM made_above
    WHERE distance <= 1 AND term IN (FROM other) AND term NOT IN (SELECT code FROM event)
),
-- A code of several kinds of echocardiography (by several parents) is of the one that tells most.
echo AS (
    SELECT coded.code, distance, arg_min(target, echo_rank(target)) AS kind
    FROM coded
    JOIN map_code_list AS list
        -- Datasets call CPT, which is level I of HCPCS, HCPCS too (vocabularies.csv): level II is looked up beside it.
        ON list.code = local_code AND if(list.vocabulary = 'HCPCS', 'CPT4', list.vocabulary) = coded.vocabulary
    WHERE list.kind = 'echo'
    GROUP BY ALL
),
found AS (
    SELECT coded.code, 'variable' AS role, variable AS target, distance
    FROM coded
    JOIN map_loinc ON map_loinc.code = local_code
    WHERE vocabulary = 'LOINC'
    UNION ALL
    SELECT other.code, 'variable', map_variables.name, 2
    FROM other
    JOIN map_variables ON map_variables.name = regexp_replace(other.code, '^echomort//', '')
    WHERE source = 'measurement'
    UNION ALL
    SELECT term, 'diagnosis', target, 0
    FROM made_diagnosis_code
    WHERE target IS NOT NULL AND term IN (FROM other) AND term NOT IN (SELECT code FROM event)
    UNION ALL
    SELECT
        coded.code,
        CASE
            WHEN starts_with(target, 'ICD') THEN 'diagnosis'
            WHEN target IN (SELECT name FROM map_variables) THEN 'variable'
            ELSE 'drug'
        END,
        target,
        distance
    FROM coded
    JOIN map_codes AS listed ON listed.vocabulary = coded.vocabulary AND listed.code = local_code
    UNION ALL
    SELECT code, if(is_resting_echo(kind), 'echo', 'another_echo'), kind, distance
    FROM echo
    UNION ALL
    SELECT coded.code, 'answer', variable || '//' || value, distance
    FROM coded
    JOIN map_answers ON map_answers.vocabulary = coded.vocabulary AND map_answers.code = local_code
    WHERE NOT ends_with(variable, '_grade')
    UNION ALL
    SELECT code, 'drug', drug_class, distance
    FROM coded
    JOIN map_atc
        ON starts_with(local_code, prefix) AND NOT list_contains(string_split(coalesce(except_for, ''), ' '), local_code)
    WHERE vocabulary = 'ATC'
),
named_drug AS (
    SELECT DISTINCT other.code, drug_class
    FROM other
    LEFT JOIN described USING (code)
    JOIN map_ingredients ON contains(lower(concat_ws(' ', other.code, description)), ingredient)
    WHERE regexp_matches(upper(other.code), '^(MEDICATION|DRUG|PRESCRIPTION|RXNORM|NDC|ATC)')
        AND NOT regexp_matches(upper(other.code), '^[A-Z]+//(STOP|END|DISCONTINUED)|//DELAYED$')
        -- A drug that was not given: the last part of MIMIC-IV's administrations says so.
        AND NOT regexp_matches(
            upper(other.code), '//[^/]*\b(NOT|HOLD|HELD|STOPPED|REFUSED|MISSED|FLUSHED|CANCELL?ED|DISCONTINUED)\b[^/]*$'
        )
        AND other.code NOT IN (SELECT code FROM found) AND other.code NOT IN (SELECT code FROM event)
)
SELECT code, role, target FROM own
UNION ALL
SELECT code, meant[1], nullif(meant[2], '') FROM event
UNION ALL
(
    SELECT DISTINCT code, role, target
    FROM found
    QUALIFY distance = min(distance) OVER (PARTITION BY code)
)
UNION ALL
SELECT code, 'drug', drug_class FROM named_drug
