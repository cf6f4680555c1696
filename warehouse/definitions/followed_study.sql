-- The labelled and censored studies (those that are censored have no label) with the columns by which the evaluation forms
-- groups. `is_heart_failure` comes from definitions/heart_failure.sql.

-- Site and scanner vendor of each study: each that of most of its files. A site is known by its pseudonym alone, so sites are
-- numbered, the one with the most patients first.
CREATE OR REPLACE TEMP TABLE study_origin AS
WITH linked AS (
    SELECT study_key, patient_key, site_key, vendor
    FROM instance_link
    WHERE status = 'accepted'
),
study_site AS (
    SELECT study_key, any_value(patient_key) AS patient_key, first(site_key ORDER BY files DESC, site_key) AS site_key
    FROM (SELECT study_key, any_value(patient_key) AS patient_key, site_key, count(*) AS files FROM linked GROUP BY study_key, site_key)
    GROUP BY study_key
),
study_vendor AS (
    SELECT study_key, first(vendor ORDER BY files DESC, vendor) AS vendor
    FROM (SELECT study_key, vendor, count(*) AS files FROM linked GROUP BY study_key, vendor)
    GROUP BY study_key
),
numbered AS (
    SELECT site_key, row_number() OVER (ORDER BY count(DISTINCT patient_key) DESC, site_key) AS number
    FROM study_site
    WHERE site_key IS NOT NULL
    GROUP BY site_key
)
SELECT study_key, vendor, 'site ' || numbered.number AS site
FROM study_site
JOIN study_vendor USING (study_key)
LEFT JOIN numbered USING (site_key);

CREATE OR REPLACE TEMP VIEW followed_study AS
WITH first_heart_failure AS (
    SELECT patient_key, min(recorded_at) AS first_recorded_at
    FROM diagnosis
    WHERE is_heart_failure(vocabulary, code)
    GROUP BY patient_key
)
SELECT
    followed.*,
    study.study_year,
    CASE patient.sex WHEN 'F' THEN 'female' WHEN 'M' THEN 'male' END AS sex,
    CASE
        WHEN feature.age < 50 THEN 'under 50'
        WHEN feature.age < 65 THEN '50 to 64'
        WHEN feature.age < 80 THEN '65 to 79'
        WHEN feature.age >= 80 THEN '80 and over'
    END AS age,
    CASE WHEN feature.lvef < 40 THEN 'under 40 %' WHEN feature.lvef < 50 THEN '40 to 49 %' WHEN feature.lvef >= 50 THEN '50 % and over' END AS lvef,
    CASE WHEN first_heart_failure.first_recorded_at <= study.study_at THEN 'yes' ELSE 'no' END AS heart_failure,
    study.setting,
    patient.race,
    study_origin.site,
    study_origin.vendor
FROM followed
JOIN study USING (study_key)
JOIN patient ON patient.patient_key = followed.patient_key
LEFT JOIN feature USING (study_key)
LEFT JOIN first_heart_failure ON first_heart_failure.patient_key = followed.patient_key
LEFT JOIN study_origin USING (study_key);
