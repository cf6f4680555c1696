-- The views that have clips but no model of the network $network, and why.
SELECT view, reason FROM untrained_view WHERE network = $network ORDER BY view;
