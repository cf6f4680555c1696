"""Names and numbers as the report prints them: of models, views, reasons, and the format of numbers."""

import math
from dataclasses import dataclass
from typing import Any

from echomort.clinical_scores.scores import clinical_scores
from echomort.vocabulary.model_names import (
    ALL_VIEWS,
    CHAMPION,
    EHR,
    PERMUTED_NULL,
    VIDEO_EHR,
    ModelName,
    encoder_of,
    external_file,
)

DASH, MINUS, NARROW, TIMES = "\N{EN DASH}", "\N{MINUS SIGN}", "\N{NARROW NO-BREAK SPACE}", "\N{MULTIPLICATION SIGN}"
NOTHING = "\N{EM DASH}"

VIEWS = {
    "apical_2": "Apical two-chamber",
    "apical_3": "Apical three-chamber",
    "apical_4": "Apical four-chamber",
    "apical_5": "Apical five-chamber",
    "parasternal_long": "Parasternal long axis",
    "parasternal_short": "Parasternal short axis",
    "subcostal_4": "Subcostal four-chamber",
    "suprasternal": "Suprasternal",
    "unknown": "View unknown",
}


@dataclass(frozen=True)
class ModelWords:
    """A model as the report names it: label, kind (which decides its colour), inputs, and position in lists."""

    label: str
    kind: str
    sees: str
    place: int


MODELS = {
    ALL_VIEWS: ModelWords("All views", "video", "every view of the study", 100),
    EHR: ModelWords("EHR only", "ehr", "the health-record variables", 110),
    VIDEO_EHR: ModelWords("Video + EHR", "fusion", "every view and the health records", 120),
    CHAMPION: ModelWords("Champion", "fusion", "what each study has of its inputs", 130),
    "oracle_heart": ModelWords(
        "Oracle: the heart", "oracle", "the true state of the heart: all that images can show", 200
    ),
    "oracle_heart_age": ModelWords(
        "Oracle: the heart and age", "oracle", "the true state of the heart, and the age", 210
    ),
    "oracle_all": ModelWords(
        "Oracle: everything", "oracle", "everything that the hazard depends on, frailty included", 220
    ),
    PERMUTED_NULL: ModelWords("Permuted labels", "null", "trained on permuted outcomes", 300),
    **{
        name: ModelWords(score.label, "score", "a published clinical score", score.place)
        for name, score in clinical_scores().items()
    },
}

INPUTS = {
    "tc": "total cholesterol",
    "chol": "total cholesterol",
    "hdl": "HDL cholesterol",
    "sbp": "systolic pressure",
    "ef": "LVEF",
    "nyha": "NYHA class",
    "ua": "uric acid",
    "na": "sodium",
    "hgb": "haemoglobin",
    "lymph": "lymphocytes",
    "wt": "weight",
    "bmi": "body mass index",
    "egfr": "eGFR",
    "creat_umol": "creatinine",
    "furo": "diuretic dose",
    "smoker": "smoking",
    "male": "sex",
    "score": "points beyond the published table",
    "first_dx_lt18m": "time since the diagnosis",
}
"""Input of a clinical score -> its name in the report; other inputs are printed by their column name."""

LEARNERS = {"logistic": "logistic regression", "random_forest": "random forest", "xgboost": "trees"}
VARIABLE_SETS = {
    "age_sex": ("Age and sex", "age and sex", 123),
    "age_sex_lvef": ("Age, sex and LVEF", "age, sex and the ejection fraction", 124),
    "clinical": ("Clinical records", "the 100 clinical variables", 125),
    "echo": ("Echo measurements", "the 58 echo variables", 126),
    "all": ("EHR", "the 158 health-record variables", 127),
}

ENCODER_SEES = "the mean embedding of the study's loops, by an encoder that perhaps learned from these patients"
EXTERNAL_SEES = "scores made elsewhere, perhaps by a model that learned from these patients"

REASONS = {
    "EXCL_NO_STUDY_DATE": "No study date",
    "EXCL_DEATH_BEFORE_STUDY": "Death recorded before the study",
    "EXCL_CENSORED_LT_1Y": "Alive when last seen, less than a year later",
    "EXCL_NO_FOLLOWUP": "No follow-up at all",
    "EXCL_FOLLOWUP_BEFORE_STUDY": "Last seen before the study",
    "EXCL_CONTACT_AFTER_DEATH": "Seen alive after the recorded death",
    "EXCL_PATIENT_QUARANTINED": "Identity or dates contradict each other",
    "EXCL_DEATH_DATE_UNKNOWN": "Dead, date unknown",
    "EXCL_DEATH_DATE_UNCERTAIN": "Date of death too vague",
    "EXCL_INCOMPLETE_WINDOW": "Less than a year before the data end",
    "EXCL_AGE": "Outside the age limits",
    "EXCL_BEFORE_HEART_FAILURE": "Before the heart-failure diagnosis",
    "EXCL_OTHER_STUDY": "Not the patient's drawn study",
}

VENDORS = {
    "canon": "Canon",
    "esaote": "Esaote",
    "fujifilm": "Fujifilm",
    "ge": "GE",
    "hewlett_packard": "Hewlett-Packard",
    "mindray": "Mindray",
    "philips": "Philips",
    "samsung": "Samsung",
    "siemens": "Siemens",
}
"""Vendor of a scanner, as the index has it -> its name in the trade."""
GROUP_VALUES = {"F": "Women", "M": "Men", "female": "Women", "male": "Men", "<NA>": "missing"} | VENDORS
GROUP_VALUES |= {race: race.capitalize() for race in ("asian", "black", "hispanic", "native", "pacific", "white")}

ROLES = {
    "development": "Development",
    "reader": "Reader study",
    "sealed": "Sealed",
    "later_years": "Later years",
    "heart_failure": "Heart failure",
}

ABBREVIATIONS = {
    "ehr": "EHR",
    "ecg": "ECG",
    "lvef": "LVEF",
    "ldl": "LDL",
    "hdl": "HDL",
    "dicom": "DICOM",
    "fps": "frame rate",
    "jpeg": "JPEG",
    "auc": "AUC",
    "doppler": "Doppler",
    "rv": "RV",
    "ivc": "IVC",
}


def view_words(view: str) -> str:
    """Return the name of a view."""
    return VIEWS.get(view, readable(view))


def model_words(model: str) -> ModelWords:
    """Return how the report names ``model``; one not in :data:`MODELS` is a baseline, a model on an encoder's
    embeddings, an external model or a single view."""
    if model in MODELS:
        return MODELS[model]
    name = ModelName.parse(model)
    if name.kind == "baseline":
        return _baseline_words(str(name.learner), str(name.variables))
    if name.kind == "encoder":
        return ModelWords(f"Encoder: {encoder_of(model)}", "encoder", ENCODER_SEES, 140)
    if name.kind == "external":
        return ModelWords(f"External: {external_file(model)}", "external", EXTERNAL_SEES, 150)
    return ModelWords(view_words(name.view or model), "view", "the loops of this view alone", 10)


def compared_words(model: str) -> str:
    """Return the name that people read of ``model``, which may be a comparison: ``Video + EHR against EHR only``."""
    return " against ".join(model_words(part).label for part in model.split(" vs "))


def _baseline_words(learner: str, part: str) -> ModelWords:
    label, sees, place = VARIABLE_SETS.get(part, (readable(part), readable(part).lower(), 128))
    return ModelWords(f"{label}, {LEARNERS.get(learner, readable(learner).lower())}", "baseline", sees, place)


def group_value(value: str) -> str:
    """Return the value that makes a group, as people write it: ``Women``, ``Philips``."""
    return GROUP_VALUES.get(value) or value.replace("_", " ")


def reason_words(reason: str) -> str:
    """Return a reason code as a phrase."""
    return REASONS.get(reason, readable(reason.removeprefix("EXCL_")))


def readable(code: str) -> str:
    """Return a snake-case code as words: ``No sector`` for ``no_sector``."""
    words = [ABBREVIATIONS.get(word, word) for word in str(code).lower().replace("-", "_").split("_") if word]
    text = " ".join(words)
    return text[:1].upper() + text[1:]


def in_sentence(words: str) -> str:
    """Return ``words`` as inside a sentence: ``heart failure``, but ``LVEF``."""
    return words if words[:2].isupper() else words[:1].lower() + words[1:]


def is_missing(value: Any) -> bool:
    """Return whether ``value`` is None or not a finite number."""
    return value is None or not math.isfinite(float(value))


def number(value: Any, digits: int = 3) -> str:
    """Return a number with a typographic minus sign, or a dash where it is missing."""
    return NOTHING if is_missing(value) else f"{round(float(value), digits) + 0.0:.{digits}f}".replace("-", MINUS)


def count(value: Any) -> str:
    """Return a count with thousands separated, or a dash where it is missing."""
    return NOTHING if is_missing(value) else f"{int(value):,}"


def percent(value: Any, digits: int = 0) -> str:
    """Return a share 0 to 1 as per cent."""
    return NOTHING if is_missing(value) else f"{number(100 * float(value), digits)}{NARROW}%"


def span(low: Any, high: Any, digits: int = 3) -> str:
    """Return an interval, or an empty text where it is not defined."""
    if is_missing(low) or is_missing(high):
        return ""
    joint = f" {DASH} " if float(low) < 0 or float(high) < 0 else DASH
    return f"{number(low, digits)}{joint}{number(high, digits)}"


def counted(amount: Any, singular: str, plural: str | None = None) -> str:
    """Return a count with its noun: ``1 death``, ``1,034 studies``."""
    return f"{count(amount)} {singular if amount == 1 else plural or singular + 's'}"


def signed(value: float, digits: int = 3) -> str:
    """Return a difference with its sign."""
    return f"+{number(value, digits)}" if value > 0 else number(value, digits)


def p_value(value: float) -> str:
    """Return a p value with three digits; smaller ones as ``<0.001``."""
    return f"<{NARROW}0.001" if not is_missing(value) and value < 0.001 else number(value)


def p_phrase(value: float) -> str:
    """Return ``p = 0.012``, ``p < 0.001`` or ``p not defined``."""
    if is_missing(value):
        return "p not defined"
    return f"p{NARROW}{p_value(value)}" if value < 0.001 else f"p{NARROW}={NARROW}{number(value)}"


def dotted(*parts: str) -> str:
    """Return the ``parts`` that are not empty, with a middle dot between."""
    return " \N{MIDDLE DOT} ".join(part for part in parts if part)
