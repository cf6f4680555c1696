-- A macro for adapters: is_bound(x): whether a text is a bound of a value (<5, >= 60), which is none.
CREATE OR REPLACE TEMP MACRO is_bound(x) AS coalesce(left(as_text(x), 1) IN ('<', '>', '≤', '≥'), false);
