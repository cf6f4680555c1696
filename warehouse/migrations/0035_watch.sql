-- What the watch found at each look, a row an input: rows are only added. Looks have a number and no day.
CREATE SEQUENCE watch_look;
CREATE TABLE watch (
    look BIGINT NOT NULL,
    check_name VARCHAR NOT NULL,
    input VARCHAR NOT NULL,         -- 'deaths' where deaths are counted against risks
    distance DOUBLE NOT NULL,       -- population stability index; of deaths: the evidence against the risks, at its highest
    p DOUBLE,                       -- of the chi-square test, among all inputs of the look; NULL for deaths
    moved BOOLEAN NOT NULL
);
-- The order in which outcomes of kept risks became known. The outcome itself is that of table outcome, which may still change.
CREATE SEQUENCE matured_position;
CREATE TABLE matured_risk (
    number BIGINT PRIMARY KEY,      -- of prospective_risk
    position BIGINT NOT NULL DEFAULT nextval('matured_position')
);
