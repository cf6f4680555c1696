"""Which words of a hospital's extract are codes of a closed vocabulary, and so may be shown.

Any other text may be prose that contains a name. A text is judged by its form alone (a check digit, a grammar, a short
list), for the reason why staging could not use it.
"""

import re
from collections.abc import Callable, Mapping

CHECKED = re.compile(r"(\d{1,7})-(\d)")
"""A LOINC code, or a code of race of the CDC: a number and its check digit."""

ATC = re.compile(r"[A-Z]\d{2}([A-Z]([A-Z](\d{2})?)?)?")
"""A code of the WHO's Anatomical Therapeutic Chemical classification, at any of its levels below the first."""

PERMUTED = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
"""Verhoeff's permutation of the digits, of order 8 (J. Verhoeff, Error detecting decimal codes, 1969). The rest of the
check is the group of the pentagon: turns are 0 to 4, mirrored ones 5 to 9."""

ICD = re.compile(r"[A-Z]\d[0-9A-Z]\.?[0-9A-Z]{0,4}[-+*!#]?( ?[AGVZ])?")
"""A code of ICD-10 in a national form: with a cross, a star, a dash, or the German letter of certainty."""

VOCABULARIES = frozenset(
    {
        *("ICD10GM", "ICD10AM", "ICD10CA", "ICD10WHO", "ICD10UK", "ICD10SE", "ICD10FR", "ICD10PCS", "ICD9PROC"),
        *("ICD11", "ICD8", "ICDO3", "ICPC", "ICPC2", "SNOMED", "SNOMEDCT", "SCT", "READ", "READV2", "CTV3", "EDG"),
        *("LOINC", "OPS", "OPCS4", "CPT", "CPT4", "HCPCS", "DRG", "RXNORM", "ATC", "NDC", "MESH", "ORPHA", "KCD"),
    }
)
"""Names of coding systems in capitals without signs, as staging compares them."""

SEXES = frozenset(
    {"u", "un", "unk", "unknown", "o", "other", "x", "i", "a", "n", "ambiguous", "undifferentiated", "9", "0"}
)
"""Codes of HL7 for sex other than female and male (table 0001, AdministrativeGender), and ISO 5218's."""

SETTINGS = frozenset({"amb", "emer", "fld", "hh", "imp", "acute", "nonac", "obsenc", "prenc", "ss", "vr"})
"""Codes of HL7's ActEncounterCode."""

PREFIXES = (
    "",
    "da",
    "Y",
    "Z",
    "E",
    "P",
    "T",
    "G",
    "M",
    "k",
    "h",
    "d",
    "c",
    "m",
    "u",
    "µ",
    "n",
    "p",
    "f",
    "a",
    "z",
    "y",
)
"""UCUM's prefixes of metric units."""

METRIC = (
    "g",
    "m",
    "s",
    "L",
    "l",
    "mol",
    "eq",
    "Pa",
    "Hz",
    "J",
    "W",
    "V",
    "A",
    "K",
    "N",
    "C",
    "F",
    "S",
    "U",
    "kat",
    "cal",
    "osm",
)
"""Metric units of UCUM that medicine uses, and mm[Hg] in METRIC_FREE."""

METRIC_FREE = (
    *(
        "%",
        "10*3",
        "10*6",
        "10*9",
        "10*12",
        "10^3",
        "10^6",
        "10^9",
        "10^12",
        "1",
        "min",
        "h",
        "d",
        "wk",
        "mo",
        "a",
        "deg",
    ),
    *(
        "mm[Hg]",
        "cm[H2O]",
        "[IU]",
        "[iU]",
        "m[IU]",
        "u[IU]",
        "k[IU]",
        "[lb_av]",
        "[oz_av]",
        "[in_i]",
        "[ft_i]",
        "[degF]",
    ),
    *(
        "Cel",
        "bar",
        "mbar",
        "[pH]",
        "[ppm]",
        "[ppth]",
        "{beats}",
        "{counts}",
        "{cells}",
        "{score}",
        "{ratio}",
        "m2",
        "cm2",
    ),
)
"""Further units of UCUM and its usual annotations."""


def is_public_code(reason: str, text: str) -> bool:
    """Return whether ``text`` is a code of a closed vocabulary. ``reason``: why staging did not use it.

    >>> is_public_code("UNKNOWN_VARIABLE", "2160-0"), is_public_code("UNKNOWN_VARIABLE", "2160-1")
    (True, False)
    >>> is_public_code("UNKNOWN_UNIT", "umol/L"), is_public_code("UNKNOWN_UNIT", "Smith")
    (True, False)
    """
    return reason in FORMS and FORMS[reason](text)


def is_code_of(vocabulary: str, text: str) -> bool:
    """Return whether ``text`` has the form of a code of ``vocabulary``, under the names that adapters use.

    >>> is_code_of("SNOMED", "84114007"), is_code_of("SNOMED", "84114008"), is_code_of("", "Jane Doe")
    (True, False, False)
    """
    return vocabulary in CODES and CODES[vocabulary](text)


def _is_snomed(text: str) -> bool:
    """Return whether a text is an identifier of SNOMED CT: 6 to 18 digits, the last being Verhoeff's check digit."""
    if re.fullmatch(r"[1-9]\d{5,17}", text) is None:
        return False
    check = 0
    for place, sign in enumerate(reversed(text)):
        digit = int(sign)
        for _ in range(place % 8):
            digit = PERMUTED[digit]
        turned = (check + digit) % 5 if check < 5 else (check - digit) % 5
        check = turned + 5 * ((check < 5) != (digit < 5))
    return check == 0


def _is_checked(text: str) -> bool:
    """Return whether a number has the check digit of HL7 (modulus 10), as LOINC and the CDC's codes of race do."""
    found = CHECKED.fullmatch(text)
    if found is None:
        return False
    digits = [int(sign) for sign in reversed(found[1])]
    doubled = (2 * digit for digit in digits[0::2])
    total = sum(digit - 9 if digit > 9 else digit for digit in doubled) + sum(digits[1::2])
    return (10 - total % 10) % 10 == int(found[2])


def _is_unit(text: str) -> bool:
    parts = re.split(r"[/.]", text)
    return len(text) <= LONGEST_UNIT and all(
        part in UNITS or re.sub(r"\d$", "", part) in UNITS for part in parts if part
    )


def _is_vocabulary(text: str) -> bool:
    return re.sub(r"[^A-Z0-9]", "", text.upper()) in VOCABULARIES


UNITS = frozenset({*METRIC_FREE, *(prefix + unit for prefix in PREFIXES for unit in METRIC)})
LONGEST_UNIT = 24
"""Characters of a unit at most. Our choice: mL/min/1.73.m2 has 14."""

FORMS: Mapping[str, Callable[[str], bool]] = {
    "UNKNOWN_VARIABLE": _is_checked,
    "UNKNOWN_UNIT": _is_unit,
    "UNKNOWN_VOCABULARY": _is_vocabulary,
    "NOT_A_CODE": lambda text: ICD.fullmatch(text) is not None,
    "UNKNOWN_SEX": lambda text: text.lower() in SEXES,
    "UNKNOWN_RACE": _is_checked,
    "UNKNOWN_SETTING": lambda text: text.lower() in SETTINGS,
    "UNKNOWN_DRUG_CLASS": lambda text: ATC.fullmatch(text.upper()) is not None,
}
"""Reason -> whether a text is a code, for the columns that have such codes."""

CODES: Mapping[str, Callable[[str], bool]] = {
    "SNOMED": _is_snomed,
    "LOINC": _is_checked,
    "RxNorm": lambda text: re.fullmatch(r"[1-9]\d{0,6}", text) is not None,
    "ATC": lambda text: ATC.fullmatch(text.upper()) is not None,
    "CPT4": lambda text: re.fullmatch(r"\d{4}[0-9A-Z]", text) is not None,
    **dict.fromkeys(("ICD10CM", "ICD10"), lambda text: ICD.fullmatch(text) is not None),
}
"""Vocabulary -> whether a text has the form of one of its codes."""
