-- The views that have no model, and why: one row for each network and view that has clips but could not be trained.
CREATE TABLE untrained_view (
    network VARCHAR NOT NULL,
    view    VARCHAR NOT NULL,
    reason  VARCHAR NOT NULL
);
