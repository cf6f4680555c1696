-- Drugs by their classes: a name that holds an ingredient of a class.
SELECT DISTINCT drug, drug_class
FROM (SELECT DISTINCT lower(drug) AS drug FROM raw_prescriptions)
JOIN map_ingredients ON contains(drug, ingredient)
