-- is_resting_echo(kind): whether a kind of echocardiography (maps/code_list.csv) is read: at rest, through the chest
-- wall, or of no stated kind.
-- echo_rank(kind): of the kinds that one code or examination has, the one of the lowest rank tells most: one that is not read
-- before one that is, and no stated kind last.
CREATE OR REPLACE TEMP MACRO is_resting_echo(kind) AS kind IN ('transthoracic', 'unspecified', 'pediatric');
CREATE OR REPLACE TEMP MACRO echo_rank(kind) AS
    CASE kind WHEN 'unspecified' THEN 3 WHEN 'transthoracic' THEN 2 WHEN 'pediatric' THEN 1 ELSE 0 END;
