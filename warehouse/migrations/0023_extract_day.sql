-- Records after the end of the data, and how many days after it the last one lies.
CREATE TABLE late_record (records BIGINT, days BIGINT);
