-- Lit pixels of a clip outside its sector, where text, ticks and the ECG are: must be 0.
ALTER TABLE clip ADD COLUMN lit_outside INTEGER;
