"""Clinical risk scores as comparators: vectorised functions over a table, with a reason where a row can't be scored."""

from echomort.risk.maggic_score import maggic
from echomort.risk.pce import pooled_cohort
from echomort.risk.prevent_base import prevent
from echomort.risk.shfm import furosemide_equivalent, seattle
from echomort.risk.table import score_file

__all__ = ["furosemide_equivalent", "maggic", "pooled_cohort", "prevent", "score_file", "seattle"]
