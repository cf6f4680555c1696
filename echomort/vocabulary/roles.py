"""The roles of patients: who is trained on, and which sets are kept apart for what."""

DEVELOPMENT = "development"
"""Patients of the cross-validation: models are trained on them, each fold's on the other folds."""
READER = "reader"
"""Kept for the reader study alone."""
SEALED = "sealed"
"""Kept for promotion and for validation: no report of a run shows how well a model does on them."""
LATER_YEARS = "later_years"
"""Patients whose first echo is of a later calendar year."""
HEART_FAILURE = "heart_failure"
"""Patients with heart failure on record at their first echo."""

ROLES = (DEVELOPMENT, READER, SEALED, LATER_YEARS, HEART_FAILURE)
EVALUATED_APART = (HEART_FAILURE, LATER_YEARS)
"""The sets apart that every evaluation shows."""
