-- Deletes the views of all clips.
DELETE FROM clip_view;
