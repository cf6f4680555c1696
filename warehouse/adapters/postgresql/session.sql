-- Makes the text form of values independent of the server's defaults. A policy that would hide rows raises an error:
-- otherwise patients would be missing without notice.
SELECT
    set_config('application_name', 'echomort', false),
    set_config('client_encoding', 'UTF8', false),
    set_config('DateStyle', 'ISO, YMD', false),
    set_config('extra_float_digits', '1', false),
    set_config('row_security', 'off', false),
    set_config('TimeZone', coalesce($1::text, 'UTC'), false)
