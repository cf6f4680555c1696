-- Age in years is the number of days since birth by 365.25. A birthday lies up to three quarters of a day (0.00205 years)
-- beside its multiple of 365.25 days, and shifted dates no longer show which way. Limits allow for that in full; whole
-- years for a little less, so that nobody is a year older on the day before a birthday.
CREATE OR REPLACE TEMP MACRO years_between(birth_date, moment) AS (CAST(moment AS DATE) - birth_date) / 365.25;
CREATE OR REPLACE TEMP MACRO is_of_age(age, lowest, highest) AS age BETWEEN lowest - 0.0021 AND highest + 0.0021;
CREATE OR REPLACE TEMP MACRO whole_years(age) AS floor(age + 0.002);
