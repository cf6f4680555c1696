-- The parts of says_dead: how a text begins that says death whatever follows, and words that speak of somebody else.
CREATE OR REPLACE TEMP MACRO begins_dead() AS
    '^[^a-zà-ÿ]*((the )?(patient|patientin|patiënt|patiënte|pt)[^a-zà-ÿ]+)?((is|has|ist|est|a été) )?'
    || '(expired|died|dead|deceased|doa|verstorben|gestorben|exitus|overleden|décédée?|fallecid[oa]|decedut[oa]|tot[^a-zà-ÿ]*$)';
CREATE OR REPLACE TEMP MACRO somebody_else() AS
    '(f[oe]{1,2}t[a-z]*|intrauterine|stillbirth|neonat[a-z]*|infant|child|baby|twin|donor|spouse|partner|wife|husband|mother'
    || '|father|parent|brother|sister|sibling|daughter|relative|family|ehe(partner|mann|frau|gatt)[a-z]*|mutter|vater|kind'
    || '|bruder|schwester|sohn|tochter|familie|moeder|broer|zus|zoon|dochter|echtgeno[a-z]*|mère|père|mari|épou[a-z]*'
    || '|conjoint[a-z]*|enfant|famille|madre|padre|espos[oa]|hij[oa]|herman[oa]|familia|marito|moglie|figli[oa]|fratello'
    || '|sorella|famiglia)';
-- A macro for adapters: says_dead(x): whether a text on how a stay ended, or on the state of a person, says death, in
-- English, German, Dutch, French, Spanish, Italian or Japanese. A text that begins with "expired" or "patient died" says so,
-- whatever follows ("no autopsy", "family notified"), but for a plain no and for somebody else. Elsewhere a word of death
-- counts where no other word denies it or speaks of somebody else. Words that are of other things too count at the beginning
-- alone ("expired"), or as the whole text ("tot", in Dutch until).
CREATE OR REPLACE TEMP MACRO says_dead(x) AS
    coalesce(
        list_transform(
            [nfc_normalize(lower(as_text(x)))],
            lambda said:
                CASE
                    WHEN regexp_matches(said, begins_dead() || '([^a-zà-ÿ]|$)') THEN NOT regexp_matches(
                        said,
                        begins_dead() || '([^a-zà-ÿ]+(no|false|nein|nee|non)[^a-zà-ÿ]*$'
                        || '| +((of|a|an|the) )*' || somebody_else() || '([^a-zà-ÿ]|$))'
                    )
                    ELSE regexp_matches(
                        said,
                        '(^|[^a-zà-ÿ])(died|dead|deceased|death|verstorben|gestorben|tod|exitus|overleden|dood|décès|décédée?'
                        || '|fallecid[oa]|muerte|decedut[oa]|decesso)([^a-zà-ÿ]|$)|死亡'
                    )
                    AND NOT regexp_matches(
                        said,
                        '(^|[^a-zà-ÿ])(not?|non|alive|living|nicht|kein|lebend|niet|geen|risk|cause|expected|'
                        || somebody_else() || ')([^a-zà-ÿ]|$)'
                    )
                END
        )[1],
        false
    );
