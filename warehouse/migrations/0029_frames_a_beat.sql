-- How many frames of its file a beat of a clip's heart has.
ALTER TABLE clip ADD COLUMN frames_a_beat DOUBLE; -- from R waves, heart rate or nominal interval; NULL where no tag says it
