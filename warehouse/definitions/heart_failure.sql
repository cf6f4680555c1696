-- Heart failure by diagnosis codes: ICD-10-CM I50, ICD-9-CM 428 (codes without a dot, as staging leaves them).
CREATE OR REPLACE TEMP MACRO is_heart_failure(vocabulary, code) AS
    (vocabulary = 'ICD10CM' AND starts_with(code, 'I50')) OR (vocabulary = 'ICD9CM' AND starts_with(code, '428'));
