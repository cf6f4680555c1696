"""The baselines on few variables, over which the added value of other models is measured."""

from collections.abc import Mapping

from echomort.vocabulary.model_names import baseline

FEW: Mapping[str, tuple[str, ...]] = {"age_sex": ("age", "sex"), "age_sex_lvef": ("age", "sex", "lvef")}
"""Set of variables -> its variables: what is known of everybody, and what most echo reports have."""
AGE_SEX, AGE_SEX_LVEF = (baseline("logistic", name) for name in FEW)
