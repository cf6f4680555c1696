-- The group of race and ethnicity that a text says, in the many ways in which sites write it. The first pattern that matches is
-- used; the groups that the Pooled Cohort Equations distinguish come first, for persons with several. That somebody is not
-- Hispanic says nothing else, and an unknown ethnicity beside a known race hides nothing. North
-- Africans (with the Middle East a group of the US census) and the Blackfeet are not black.
CREATE OR REPLACE TEMP MACRO without_negation(text) AS
    regexp_replace(
        lower(text),
        'no[nt][ -]*(of )?(hispanic|latin[a-z]*|spanish)([ ,/]+(or )?(hispanic|latin[a-z]*|spanish))*( origin)?',
        '',
        'g'
    );
CREATE OR REPLACE TEMP MACRO race_of(text) AS
    CASE
        WHEN regexp_matches(
            regexp_replace(without_negation(text), 'north(ern)?[ -]+african|blackf[eo]+t', '', 'g'), 'black|african'
        )
            THEN 'black'
        WHEN regexp_matches(without_negation(text), 'hispanic|latin') THEN 'hispanic'
        WHEN regexp_matches(lower(text), 'pacific|hawaii') THEN 'pacific'
        WHEN regexp_matches(lower(text), 'american indian|alaska|native|indigenous|blackf[eo]+t') THEN 'native'
        WHEN regexp_matches(lower(text), 'white|caucasian|european') THEN 'white'
        WHEN regexp_matches(
            lower(text),
            'asian|chin|japan|korea|vietnam|filipin|indian|pakistan|bangladesh|thai|cambodia|hmong|laot|nepal|lanka|taiwan'
        )
            THEN 'asian'
        WHEN regexp_matches(lower(text), 'unknown|declined|unable|not obtained|refused|not reported|no information') THEN NULL
        WHEN nullif(trim(without_negation(text), ' ,;/_'), '') IS NOT NULL THEN 'other'
    END;
-- Whether a text of the group 'other' is known to say so; any other text of that group is an unknown word.
CREATE OR REPLACE TEMP MACRO says_other(text) AS
    regexp_matches(lower(text), 'other|multi|mixed|two or more|middle east|north(ern)?[ -]+africa');
