"""The words of a result as codes. No public scheme has them; the private one says so by its name (PS3.16 8.2)."""

from typing import TYPE_CHECKING

from echomort.core.errors import UserError

if TYPE_CHECKING:
    from highdicom.sr import CodedConcept

SCHEME = "99ECHOMORT"
SCHEME_NAME = "Private codes of the software echomort"

RISK = ("one_year_risk", "Risk of death from any cause within one year")
LOWEST = ("lowest_by_fold", "Lowest risk by the networks of a single fold")
HIGHEST = ("highest_by_fold", "Highest risk by the networks of a single fold")
USE = ("use", "Intended use")
RESEARCH = ("research", "Research use, not for clinical decisions")
MISSING = ("missing_input", "Input that the model knows and the study lacks")
BEYOND = ("beyond_cohort", "Beyond what the model's development cohort holds")
LEARNT_FROM = ("learnt_from", "What the model learnt from")
SYNTHETIC = ("synthetic", "Synthetic archive: means nothing for a person")

LONGEST_MEANING = 64
"""Characters of a code's meaning (VR LO, PS3.5 table 6.2-1)."""


def private(code: tuple[str, str]) -> "CodedConcept":
    """Return a private code: its value, and its meaning."""
    from highdicom.sr import CodedConcept

    return CodedConcept(code[0], SCHEME, code[1])


def named_input(name: str) -> tuple[str, str]:
    """Return the code of an input by its name: a view, ``health record``, or what is beyond."""
    return name.replace(" ", "_"), name.replace("_", " ")[:LONGEST_MEANING]


def require_highdicom() -> None:
    """Raise :class:`UserError` where highdicom is not installed."""
    import logging

    try:
        import highdicom  # noqa: F401
    except ModuleNotFoundError:
        raise UserError("highdicom is not installed", "pip install 'echomort[pacs]'") from None
    logging.getLogger("highdicom").setLevel(logging.CRITICAL + 1)  # it logs UIDs, and names that it finds odd
