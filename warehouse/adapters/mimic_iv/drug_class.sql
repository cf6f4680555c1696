-- Drugs with their classes: the name of the drug contains an ingredient of the class.
SELECT DISTINCT drug, drug_class
FROM (SELECT DISTINCT lower(drug) AS drug FROM raw_prescriptions)
JOIN map_ingredients ON contains(drug, ingredient)
