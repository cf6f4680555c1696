-- is_resting_echo(kind): whether a kind of echocardiography (maps/code_list.csv) is read: at rest, through the chest
-- wall, or of no stated kind.
CREATE OR REPLACE TEMP MACRO is_resting_echo(kind) AS kind IN ('transthoracic', 'unspecified', 'pediatric');
