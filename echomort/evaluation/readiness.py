"""What so many patients and deaths can show: said before any training, and again beside the results."""

import math

from echomort.evaluation.sample_size import C_WIDTH, c_precision
from echomort.evaluation.too_few import has_too_few, outcome_words

MOST_SEALED = 0.5
"""Share of the patients that may be sealed: the limit of ``cohort.sealed_fraction``."""

FEW_DEATHS = 100
"""Deaths, or survivors, below which a validation is uncertain (Collins et al., Stat. Med. 2016;35:214)."""

ASSUMED_C = 0.75
"""AUC for which limits are forecast, before one is known: within those of the preprint's single views, 0.695 to 0.784
(arXiv 1811.10553v2)."""


def gate_readiness(sealed: tuple[int, int], cohort: tuple[int, int], least: int) -> str:
    """Return in one line that the sealed set is too small for the gate, and what would suffice; empty if it is not.

    ``sealed``, ``cohort``: patients and deaths; ``least`` is ``promotion.minimum_deaths``, of deaths and of survivors.

    >>> gate_readiness((15, 4), (150, 30), 10).partition("; ")[2]
    'about 50 sealed patients would suffice, cohort.sealed_fraction 0.34 of those who are here'
    """
    (patients, deaths), (every, died) = sealed, cohort
    rarer = min(died, every - died)
    if not rarer or not has_too_few(patients, deaths, least):
        return ""
    line = f"{outcome_words(deaths, patients - deaths)} are sealed, and the gate promotes no model below {least}"
    if not patients:
        line = f"no patient is sealed, and the gate promotes no model below {least} deaths and {least} survivors"
    needed = math.ceil(least * every / rarer)
    share = math.ceil(100 * needed / every) / 100
    if share > MOST_SEALED:
        enough = math.ceil(needed / MOST_SEALED)
        return f"{line}; {enough} patients of whom half are sealed would suffice, {every} are here: wait for more"
    return (
        f"{line}; about {needed} sealed patients would suffice, cohort.sealed_fraction {share:g} of those who are here"
    )


def readiness(patients: int, deaths: int, least: int) -> str:
    """Return in one line what ``deaths`` among ``patients`` can not show; empty where there is nothing to say.

    ``least`` is ``evaluation.suppress_below_events``. Limits are those of the C statistic by Newcombe's formula, as in
    pmvalsampsize (Riley et al., Stat Med 2021;40:4230).

    >>> readiness(300, 60, 10).partition("; ")[0]
    '60 deaths among 300 patients: below 100 a validation is uncertain, its calibration most of all'
    """
    fewer = min(deaths, patients - deaths)
    if fewer >= FEW_DEATHS:
        return ""
    who = f"{deaths} death{'' if deaths == 1 else 's'} among {patients} patient{'' if patients == 1 else 's'}"
    if not fewer:
        return f"{who}: a model needs patients who died and patients who lived; none can be trained or judged"
    precision = c_precision(ASSUMED_C, deaths / patients, patients)
    verdict = (
        f"with fewer than {least} deaths or survivors (evaluation.suppress_below_events) no figure is a result"
        if has_too_few(patients, deaths, least)
        else f"below {FEW_DEATHS} a validation is uncertain, its calibration most of all"
    )
    line = f"{who}: {verdict}; an AUC near {ASSUMED_C:g} would have limits {precision.width / 2:.2f} to either side"
    if precision.needed is None:
        return line
    needed = math.ceil(precision.needed / 10) * 10
    among = round(needed * deaths / patients)
    return f"{line}, and {C_WIDTH / 2:g} would take about {needed} patients with {among} deaths"
