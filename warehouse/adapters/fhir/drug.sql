-- Medication statements and requests, newest versions: the drug, its period and daily dose, and the reason why one is
-- not read (null: it is). A request that was completed lasted as long as its supply, if it says for how long that is;
-- how long one that was stopped before lasted, only an end says.
WITH statement AS (
    SELECT
        id,
        patient_named(subject, contained) AS subject,
        coalesce(CAST(medicationcodeableconcept AS VARCHAR), referenced_concept(medication)) AS concept,
        coalesce(json_text(medicationreference, '$.reference'), referenced(medication), any_contained(contained, 'Medication'))
            AS reference,
        coalesce(json_text(medicationreference, '$.display'), json_text(medication, '$.reference.display')) AS display,
        contained,
        coalesce(as_text(effectivedatetime), json_text(effectiveperiod, '$.start'), as_text(dateasserted)) AS started_at,
        json_text(effectiveperiod, '$.end') AS ended_at,
        json_parts(dosage) AS dosages,
        -- R5 says by the adherence what R4 says by the status.
        list_transform(json_parts(json_text(adherence, '$.code.coding')), lambda one: json_text(one, '$.code')) AS adhered,
        CASE
            WHEN lower(as_text(status)) IS DISTINCT FROM 'recorded' THEN lower(as_text(status))
            WHEN list_contains(adhered, 'not-taking') THEN 'not-taken'
            WHEN len(list_filter(adhered, lambda one: starts_with(one, 'stopped'))) > 0 THEN 'stopped'
        END AS state,
        CASE state
            WHEN 'entered-in-error' THEN 'ENTERED_IN_ERROR'
            WHEN 'not-taken' THEN 'DRUG_NOT_TAKEN'
            WHEN 'intended' THEN 'DRUG_NOT_TAKEN'
            WHEN 'draft' THEN 'DRUG_NOT_TAKEN'
            WHEN 'completed' THEN if(ended_at IS NULL, 'DRUG_ENDED_ON_AN_UNKNOWN_DAY', NULL)
            WHEN 'stopped' THEN if(ended_at IS NULL, 'DRUG_ENDED_ON_AN_UNKNOWN_DAY', NULL)
        END AS reason
    FROM raw_medicationstatement
    WHERE resourcetype = 'MedicationStatement'
    QUALIFY id IS NULL OR row_number() OVER (PARTITION BY id ORDER BY version_of(meta) DESC, hash(raw_medicationstatement)) = 1
),
-- Each step reads the one before by its columns: a name within one SELECT stands for its whole expression at every use.
newest_request AS (
    SELECT
        *,
        -- An order for later begins later.
        list_max(
            list_filter(
                [
                    as_text(authoredon),
                    json_text(dosageinstruction, '$[0].timing.repeat.boundsPeriod.start'),
                    json_text(effectivedoseperiod, '$.start')
                ],
                lambda one: as_moment(one) IS NOT NULL
            )
        ) AS begins_at,
        lower(as_text(status)) AS state,
        json_parts(dosageinstruction) AS dosages
    FROM raw_medicationrequest
    WHERE resourcetype = 'MedicationRequest'
    QUALIFY id IS NULL OR row_number() OVER (PARTITION BY id ORDER BY version_of(meta) DESC, hash(raw_medicationrequest)) = 1
),
bounded_request AS (
    SELECT
        *,
        list_transform(
            dosages,
            lambda one: coalesce(
                json_text(one, '$.timing.repeat.boundsPeriod.end'),
                end_of_duration(begins_at, json_text(one, '$.timing.repeat.boundsDuration'), 1)
            )
        ) AS ends
    FROM newest_request
),
ended_request AS (
    SELECT
        *,
        coalesce(
            CASE WHEN list_count(ends) = len(ends) THEN list_max(ends) END,
            json_text(effectivedoseperiod, '$.end'),
            json_text(dispenserequest, '$.validityPeriod.end'),
            CASE
                WHEN state IN ('completed', 'ended')
                    THEN end_of_duration(
                        begins_at,
                        json_text(dispenserequest, '$.expectedSupplyDuration'),
                        1.0 + coalesce(TRY_CAST(json_text(dispenserequest, '$.numberOfRepeatsAllowed') AS INTEGER), 0)
                    )
            END
        ) AS ended_at
    FROM bounded_request
),
request AS (
    SELECT
        id,
        patient_named(subject, contained) AS subject,
        coalesce(CAST(medicationcodeableconcept AS VARCHAR), referenced_concept(medication)) AS concept,
        coalesce(json_text(medicationreference, '$.reference'), referenced(medication), any_contained(contained, 'Medication'))
            AS reference,
        coalesce(json_text(medicationreference, '$.display'), json_text(medication, '$.reference.display')) AS display,
        contained,
        coalesce(begins_at, as_text(authoredon)) AS started_at,
        ended_at,
        dosages,
        CASE
            WHEN state = 'entered-in-error' THEN 'ENTERED_IN_ERROR'
            WHEN state IN ('cancelled', 'draft') THEN 'DRUG_NOT_TAKEN'
            WHEN lower(as_text(intent)) IN ('proposal', 'plan', 'option') THEN 'DRUG_NOT_TAKEN'
            WHEN lower(as_text(donotperform)) = 'true' THEN 'DRUG_NOT_TAKEN'
            WHEN state IN ('completed', 'stopped', 'ended') AND ended_at IS NULL THEN 'DRUG_ENDED_ON_AN_UNKNOWN_DAY'
        END AS reason
    FROM ended_request
),
either AS (
    FROM statement
    UNION ALL BY NAME
    FROM request
),
dosed AS (
    SELECT
        *,
        -- A daily dose, where one instruction says how much is taken how often a day: not as needed, on some days or up to
        -- so often.
        CASE
            WHEN len(dosages) = 1
                AND coalesce(json_text(dosages[1], '$.asNeededBoolean'), json_text(dosages[1], '$.asNeeded'), 'false') = 'false'
                AND coalesce(json_text(dosages[1], '$.asNeededCodeableConcept'), json_text(dosages[1], '$.asNeededFor')) IS NULL
                AND list_count(
                    list_transform(
                        ['dayOfWeek', 'frequencyMax', 'periodMax', 'when', 'timeOfDay'],
                        lambda part: json_text(dosages[1], '$.timing.repeat.' || part)
                    )
                ) = 0
                THEN dosages[1]
        END AS dosage
    FROM either
)
SELECT
    subject,
    coalesce(dosed.concept, named.concept, if(display IS NULL, NULL, CAST(json_object('text', display) AS VARCHAR))) AS concept,
    started_at,
    ended_at,
    reason,
    dosage,
    TRY_CAST(json_text(dosage, '$.doseAndRate[0].doseQuantity.value') AS DOUBLE)
        * coalesce(TRY_CAST(json_text(dosage, '$.timing.repeat.frequency') AS DOUBLE), 1)
        / TRY_CAST(json_text(dosage, '$.timing.repeat.period') AS DOUBLE)
        * CASE json_text(dosage, '$.timing.repeat.periodUnit') WHEN 'd' THEN 1 WHEN 'h' THEN 24 WHEN 'wk' THEN 1.0 / 7 END AS dose,
    coalesce(
        json_text(dosage, '$.doseAndRate[0].doseQuantity.code'), json_text(dosage, '$.doseAndRate[0].doseQuantity.unit')
    ) || '/d' AS unit
FROM dosed
LEFT JOIN made_drug_named AS named ON named.name = drug_name(reference, contained)
