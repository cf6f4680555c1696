-- The number of a look.
SELECT nextval('watch_look');
