-- A macro for adapters: says_dead(x): whether a text on how a stay ended, or on the state of a person, says death: by a word
-- in English, German, Dutch, French, Spanish, Italian or Japanese, with no word that denies it or speaks of somebody else.
CREATE OR REPLACE TEMP MACRO says_dead(x) AS
    coalesce(
        regexp_matches(
            lower(as_text(x)),
            '(^|[^a-zà-ÿ])(expired|died|dead|deceased|death|verstorben|gestorben|tod|tot|exitus|overleden|dood|décès|décédée?|décédé'
            || '|fallecid[oa]|muerte|decedut[oa]|decesso)([^a-zà-ÿ]|$)|死亡'
        )
        AND NOT regexp_matches(
            lower(as_text(x)),
            '(^|[^a-zà-ÿ])(not?|non|alive|living|nicht|kein|lebend|niet|geen|risk|cause|expected|f[oe]{1,2}tal|intrauterine'
            || '|stillbirth|neonat[a-z]*|infant|child|spouse|partner|family)([^a-zà-ÿ]|$)'
        ),
        false
    );
