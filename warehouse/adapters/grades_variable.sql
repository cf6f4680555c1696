-- A macro for adapters: grades_variable(graded, variable): whether a row of the map of grades (maps/grades.csv) is of the variable.
CREATE OR REPLACE TEMP MACRO grades_variable(graded, variable) AS
    CASE graded
        WHEN 'diastolic' THEN variable = 'diastolic_function'
        WHEN 'valve' THEN ends_with(variable, '_grade')
        ELSE variable = graded
    END;
