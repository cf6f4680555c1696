-- Age in years is the number of days since birth divided by 365.25. A birthday can be up to three quarters of a day
-- (0.00205 years) before or after a multiple of 365.25 days, and shifted dates no longer show which. Age limits therefore
-- have a tolerance of 0.0021 years; whole years have a smaller one (0.002), so that nobody is a year older on the day
-- before a birthday.
CREATE OR REPLACE TEMP MACRO years_between(birth_date, moment) AS (CAST(moment AS DATE) - birth_date) / 365.25;
CREATE OR REPLACE TEMP MACRO is_of_age(age, lowest, highest) AS age BETWEEN lowest - 0.0021 AND highest + 0.0021;
CREATE OR REPLACE TEMP MACRO whole_years(age) AS floor(age + 0.002);
