"""What the models are for, for whom, and what figures of synthetic data say: the same words on every page."""

INTENDED_USE = (
    "For research: to build, check and compare one-year mortality models on your own archive. Not a medical "
    "device; not for diagnosis, triage or any decision about a patient."
)
USERS = "Data engineers and researchers who hold an archive and may lawfully use it."
OUT_OF_SCOPE = (
    "Care of individual patients; children; transoesophageal, stress or point-of-care studies; scanners, views or "
    "populations unlike those of the archive at hand, until validated there."
)
SYNTHETIC_NOTE = (
    "Every patient, picture and record here was generated. The figures show that the pipeline works; they say "
    "nothing about patients."
)
