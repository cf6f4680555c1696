"""Published clinical scores: vectorised functions over a table, with a reason where a row can't be scored."""

from echomort.clinical_scores.scores.maggic import maggic
from echomort.clinical_scores.scores.pce import pooled_cohort
from echomort.clinical_scores.scores.prevent import prevent
from echomort.clinical_scores.scores.shfm import furosemide_equivalent, seattle
from echomort.clinical_scores.table import score_file

__all__ = ["furosemide_equivalent", "maggic", "pooled_cohort", "prevent", "score_file", "seattle"]
