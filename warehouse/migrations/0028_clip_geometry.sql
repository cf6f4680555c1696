-- How large a pixel of a clip is in the body, how its sector stands, of what examination it is, and what was odd but harmless.
ALTER TABLE clip ADD COLUMN cm_across DOUBLE;  -- centimetres a pixel; NULL where no region says it
ALTER TABLE clip ADD COLUMN cm_down DOUBLE;
ALTER TABLE clip ADD COLUMN form VARCHAR;      -- 'cone', 'rectangle' or 'other'
ALTER TABLE clip ADD COLUMN apex VARCHAR;      -- 'above', 'below' or 'none'
ALTER TABLE clip ADD COLUMN examination VARCHAR; -- 'cardiac' or 'unstated'; other kinds give no clip
ALTER TABLE clip ADD COLUMN stage VARCHAR;     -- of a stress test: 'rest', 'low', 'peak', 'post', 'recovery'
ALTER TABLE clip ADD COLUMN note VARCHAR;      -- notes, separated by spaces
