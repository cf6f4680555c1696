-- Pixels of a clip that are lit outside its sector: 0, always; text, ticks and the ECG lie there.
ALTER TABLE clip ADD COLUMN lit_outside INTEGER;
