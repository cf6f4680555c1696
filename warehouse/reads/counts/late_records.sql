-- Records after the end of the data, and by how many days; none where there is no common end.
SELECT records, days FROM late_record WHERE records > 0
