"""Names that several rooms use, each written once: of models, and of the metric table's evaluations and columns."""
