"""Clinical risk scores as comparators: vectorised functions over a table, with a reason where a row can't be scored."""

from echomort.clinical_scores.maggic_score import maggic
from echomort.clinical_scores.pce import pooled_cohort
from echomort.clinical_scores.prevent_base import prevent
from echomort.clinical_scores.shfm import furosemide_equivalent, seattle
from echomort.clinical_scores.table import score_file

__all__ = ["furosemide_equivalent", "maggic", "pooled_cohort", "prevent", "score_file", "seattle"]
