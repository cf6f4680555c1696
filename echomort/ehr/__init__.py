"""The variables of the health record: what they are, in which units, within which limits."""
