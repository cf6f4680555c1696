"""The page and the JSON of a validation: a finished model judged on patients whom it has not seen."""
