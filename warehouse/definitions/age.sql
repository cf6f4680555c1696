-- Age in years is the number of days since birth divided by 365.25. Between 1900 and 2100 a birthday (of 29 February: 28
-- February or 1 March) lies up to three quarters of a day (0.00205 years) before or after a multiple of 365.25 days, and
-- shifted dates no longer show which. Age limits therefore have a tolerance of 0.0021 years, so that nobody is left out
-- on a birthday. Whole years have a smaller one (0.002): they are exact but on a birthday three quarters of a day early, which
-- comes a day late (one in 16), and on the day before one half a day late or more, which comes a day early (one in 5).
CREATE OR REPLACE TEMP MACRO years_between(birth_date, moment) AS (CAST(moment AS DATE) - birth_date) / 365.25;
CREATE OR REPLACE TEMP MACRO is_of_age(age, lowest, highest) AS age BETWEEN lowest - 0.0021 AND highest + 0.0021;
CREATE OR REPLACE TEMP MACRO whole_years(age) AS floor(age + 0.002);
