"""The sections of the settings: typed, immutable, every setting with its default, its limits and its meaning.

The defaults are those of preset ``standard``. Every method setting names the provenance of its value in preset
``paper``: ``published`` (read in a source of the method, which echomort/method/facts.csv names), ``recalled``
(recalled or deduced, in no source that was read) or ``ours``. Only what is ``published`` may be called the paper's.
"""

import os
import re
from collections.abc import Iterable, Mapping, Sized
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import pydantic
from pydantic import ConfigDict, Field

from echomort.core.errors import UserError
from echomort.core.fingerprint import digest
from echomort.core.written import Written
from echomort.networks import DROPOUT, MOST_NETWORKS, NETWORKS, NORM_MOMENTUM, own_settings

Provenance = Literal["published", "recalled", "ours"]


def setting(default: Any, provenance: Provenance, meaning: str, **limits: Any) -> Any:
    """Declare one setting: its default, where its value in preset ``paper`` comes from, what it means, its limits."""
    return Field(default, description=meaning, json_schema_extra={"provenance": provenance}, **limits)


class Section(Written):
    """A part of the settings: immutable, no unknown key, no infinite number."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)


class Synthetic(Section):
    """The embedded synthetic archive; set only where the site names no archive of its own."""

    patients: int = setting(600, "ours", "patients in the archive", ge=1, le=1_000_000)
    seed: int = setting(1, "ours", "seed of everything that is drawn at random", ge=0)
    views: tuple[str, ...] = setting(
        ("apical_4", "parasternal_long"), "ours", "views recorded in each study", min_length=1
    )
    frame_size: Literal["small", "full"] = setting("small", "ours", "small 300x400, full 600x800")
    jitter: float = setting(
        0.4, "ours", "how much the position of the probe varies: 0 not at all, 1 as in a busy laboratory", ge=0, le=2
    )


def _place(value: object) -> object:
    """Return an address where the text has a scheme, else a path; file:// is a path too."""
    if not isinstance(value, str):
        return value
    scheme, separator, rest = value.partition("://")
    if not separator or scheme == "file":
        return Path(rest if separator else value)
    if "@" in rest.partition("/")[0]:
        raise ValueError("credentials belong in the environment, not in an address")
    return value


Place = Annotated[Path | str, pydantic.BeforeValidator(_place)]
"""A folder, or an address that fsspec understands."""


def _names(value: object) -> object:
    """Take a single name for a list of one."""
    return (value,) if isinstance(value, str) else value


def _zone(name: str | None) -> str | None:
    try:
        return name and ZoneInfo(name).key
    except (KeyError, ValueError, OSError):
        raise ValueError("write a name of the IANA data base, such as Europe/Berlin") from None


TimeZone = Annotated[str | None, pydantic.AfterValidator(_zone)]
"""The name of a time zone."""


class Postgresql(Section):
    """Tables of the records in a PostgreSQL database. How to reach it is no setting: ECHOMORT_POSTGRESQL, or a file."""

    schemas: Annotated[tuple[str, ...], pydantic.BeforeValidator(_names)] = setting(
        ("public",), "ours", "schemas to look in; a table is taken from the first that has it", min_length=1
    )
    connection_file: Path | None = setting(
        None, "ours", "file with the connection string, mode 0600 (or ECHOMORT_POSTGRESQL)"
    )
    time_zone: TimeZone = setting(
        None, "ours", "time zone for columns of type timestamp with time zone (null: that of sources.time_zone)"
    )


SCORE_FILE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}\.(?:csv|parquet)")
"""The name of a file of external scores: the report shows it. At most 40 characters, so that two models and `` vs ``
between them stay a short name. Our choice."""


def _score_files(files: tuple[Path, ...]) -> tuple[Path, ...]:
    names = [file.stem for file in files]
    if not all(SCORE_FILE.fullmatch(file.name) for file in files):
        raise ValueError(
            "the name of a file names its model in the report: at most 40 letters, digits, - and _, a letter first, "
            "then .csv or .parquet"
        )
    if len({*names}) < len(names):
        raise ValueError("two files have one name, and so their models: rename one")
    return files


ScoreFiles = Annotated[tuple[Path, ...], pydantic.BeforeValidator(_names), pydantic.AfterValidator(_score_files)]
"""Files of external scores, each named after its model."""


def _folder(value: object) -> object:
    """Refuse an address: it may hold a password."""
    if isinstance(value, str) and "://" in value:
        raise ValueError("a folder, not an address; for a database set sources.postgresql (docs/adapters.md)")
    return value


class Sources(Section):
    """Where the inputs are."""

    dicom: Place | None = setting(
        None, "ours", "folder that holds the echo files, at any depth, or an address of object storage (s3://...)"
    )
    ehr: Annotated[Path | None, pydantic.BeforeValidator(_folder)] = setting(
        None, "ours", "folder of the records: CSV or Parquet files, or one DuckDB file"
    )
    postgresql: Postgresql | None = setting(None, "ours", "read tables of the records from PostgreSQL")
    adapter: str = setting(
        "canonical",
        "ours",
        "how the records are laid out: canonical, omop, mimic_iv, fhir, meds, an installed one, or a folder",
    )
    encoding: Literal["utf-8", "latin-1"] = setting(
        "utf-8",
        "ours",
        "encoding of the records' texts without a mark of their own; latin-1 serves for Windows-1252 too",
    )
    time_zone: TimeZone = setting(
        None, "ours", "time zone of the hospital, such as Europe/Berlin: times with an offset are converted to it"
    )
    extracted_on: date | None = setting(
        None,
        "ours",
        "day of the extract of the records: rows after it are set aside (null: newest change of its files)",
    )
    view_table: Path | None = setting(
        None, "ours", "CSV with the columns sop_instance_uid and view, made by a person or another program"
    )
    variables: Path | None = setting(
        None, "ours", "folder of the site's own variables: variables.csv, units.csv, icd9.csv"
    )
    kinds: Path | None = setting(
        None,
        "ours",
        "CSV with the columns kind and proves_life (yes or no), and status for rows that name one: the site's own "
        "kinds and statuses of contacts",
    )
    vocabulary: Path | None = setting(
        None,
        "ours",
        "folder of a release of SNOMED CT (RF2) or of the tables of OHDSI's Athena: the codes above a code, where the "
        "records lack them",
    )
    drug_days: int = setting(
        365,
        "ours",
        "days for which a drug counts as taken after an event of a source that has events and no ends (MEDS: an "
        "order, a supply, an administration); what is begun or said to be taken has no such limit",
        ge=1,
        le=36_525,
    )
    external_scores: ScoreFiles = setting(
        (),
        "ours",
        "files (CSV or Parquet) of scores of other models, to be judged beside echomort's: study_id or study_key, and "
        "logit or risk",
    )
    most_lost: float = setting(
        0.5,
        "ours",
        "share of a table's rows that errors may cost (unreadable dates, unknown patients ...) before a run stops",
        ge=0,
        le=1,
    )
    most_gone: float = setting(
        0.1,
        "ours",
        "share of the known files, folders or rows of a table that may be gone at once before a run stops",
        ge=0,
        le=1,
    )
    synthetic: Synthetic | None = setting(None, "ours", "write and use the embedded archive")

    @property
    def database(self) -> Postgresql | None:
        """The PostgreSQL database with its time zone, which is that of all sources unless it has its own."""
        if self.postgresql is None or self.postgresql.time_zone is not None:
            return self.postgresql
        return self.postgresql.model_copy(update={"time_zone": self.time_zone})

    @pydantic.model_validator(mode="after")
    def _own_inputs_get_an_own_key(self) -> "Sources":
        if self.synthetic is not None and (self.dicom or self.ehr or self.postgresql):
            raise ValueError(
                "the key of the embedded archive is public: name sources.dicom and your records without "
                "sources.synthetic (a home made with the embedded archive keeps that setting: use another home)"
            )
        return self


StudyTag = Literal[
    "StudyInstanceUID", "AccessionNumber", "StudyID", "RequestedProcedureID", "PlacerOrderNumberImagingServiceRequest",
    "FillerOrderNumberImagingServiceRequest", "AdmissionID",
]  # fmt: skip
"""Tags of a header that may hold the number of the study in the records (PS3.6)."""

PatientTag = Literal["PatientID", "OtherPatientIDs"]
"""Tags that may hold the patient's number in the records; the second also stands for OtherPatientIDsSequence."""

Ignored = Literal["leading_zeros", "case", "separators", "point_zero"]
"""What two ways to write one number may differ in; ``point_zero`` is the .0 of a number that became a float."""

LONGEST_CUT = 32
"""Characters of a number that are cut at most: a number of DICOM has 64 (PS3.5 table 6.2-1). Our choice."""

Cut = Annotated[int, Field(ge=0, le=LONGEST_CUT)]


class NumberRule(Section):
    """When the number of a header and one of the records are the same; equal ones always are."""

    ignore: Annotated[tuple[Ignored, ...], pydantic.BeforeValidator(_names)] = setting(
        (), "ours", "differences that do not count: leading_zeros, case, separators, point_zero"
    )
    header_prefix: Cut = setting(
        0, "ours", "first characters of the header's numbers that are cut, where they are those of most numbers"
    )
    header_suffix: Cut = setting(0, "ours", "last characters of the header's numbers that are cut, in the same way")
    record_prefix: Cut = setting(0, "ours", "first characters of the records' numbers that are cut, in the same way")
    record_suffix: Cut = setting(0, "ours", "last characters of the records' numbers that are cut, in the same way")
    map: Path | None = setting(None, "ours", "CSV with the columns dicom and record: numbers of a header by themselves")

    @property
    def is_exact(self) -> bool:
        """Whether only equal numbers are the same."""
        return self.map is None and not any(getattr(self, name) for name in (*CUTS, "ignore"))


CUTS = ("header_prefix", "header_suffix", "record_prefix", "record_suffix")
"""The settings of a rule that cut characters."""


class StudyNumbers(NumberRule):
    """How a file names its study."""

    tags: Annotated[tuple[StudyTag, ...], pydantic.BeforeValidator(_names)] = setting(
        ("StudyInstanceUID", "AccessionNumber"),
        "ours",
        "tags that name the study; the first whose number the records know decides",
        min_length=1,
    )


class PatientNumbers(NumberRule):
    """How a file names its patient."""

    tags: Annotated[tuple[PatientTag, ...], pydantic.BeforeValidator(_names)] = setting(
        ("PatientID",), "ours", "tags that name the patient, as for studies", min_length=1
    )


class Linkage(Section):
    """How files and records are linked (docs/linkage.md)."""

    least_linked: float = setting(
        0.5,
        "ours",
        "share of the archive's studies that must link to the records, else a run stops; 0 for an archive that is "
        "larger than the extract on purpose",
        ge=0,
        le=1,
    )
    study: StudyNumbers = StudyNumbers()
    patient: PatientNumbers = PatientNumbers()


class Privacy(Section):
    """Pseudonyms and dates."""

    key_file: Path | None = setting(None, "ours", "file with the site's secret, mode 0600 (or ECHOMORT_KEY)")
    dates: Literal["shifted", "kept"] = setting("shifted", "ours", "shift every date of a patient by a keyed offset")


LONGEST_HORIZON = 3650
"""Most days of a horizon: ten years. Our choice: few archives follow their patients for longer."""


class Outcome(Section):
    """One-year mortality (docs/outcome.md)."""

    horizon_days: int = setting(365, "published", "death on day 0 to this day is an event", ge=1, le=LONGEST_HORIZON)
    horizons: tuple[int, ...] = setting(
        (90, 180, 270, 365),
        "published",
        "days at which outcome and cohort are made too, ascending; outcome.horizon_days is always among them",
    )
    follow_up: Literal["encounter", "registry"] = setting(
        "encounter", "published", "evidence of life at the horizon: a later encounter, or a complete death registry"
    )
    registry_complete_through: date | None = setting(
        None, "ours", "last day through which the registry of deaths is complete (registry only)"
    )
    require_full_window: bool = setting(True, "ours", "drop studies closer to the end of the data than the horizon")
    contact_grace_days: int = setting(
        60,
        "ours",
        "days after a death in which contacts are taken as late entries (as OHDSI's Themis does); a later one excludes "
        "the patient",
        ge=0,
        le=365,
    )
    study_grace_days: int = setting(
        7,
        "ours",
        "days after a death in which an echo (an organ donor's) is left out alone; a later one excludes the patient",
        ge=0,
        le=365,
    )

    @property
    def all_horizons(self) -> tuple[int, ...]:
        """The days of every horizon, ascending: ``horizons`` and the main one."""
        return tuple(sorted({*self.horizons, self.horizon_days}))

    @pydantic.field_validator("horizons")
    @classmethod
    def _horizons_ascend(cls, horizons: tuple[int, ...]) -> tuple[int, ...]:
        if list(horizons) != sorted(set(horizons)) or not all(1 <= days <= LONGEST_HORIZON for days in horizons):
            raise ValueError(f"distinct days, ascending, each of 1 to {LONGEST_HORIZON}, such as [90, 180, 270, 365]")
        return horizons

    @pydantic.model_validator(mode="after")
    def _registry_has_a_date(self) -> "Outcome":
        if self.follow_up == "registry" and self.registry_complete_through is None:
            raise ValueError(
                "registry follow-up needs outcome.registry_complete_through, the last day deaths are known"
            )
        return self


class Cohort(Section):
    """Which studies are in the cohort, and in which role and fold."""

    folds: int = setting(5, "published", "cross-validation folds, by patient", ge=3, le=10)
    studies: Literal["all", "one"] = setting(
        "all", "published", "labelled studies of a patient that take part: all, or one that is drawn by the salt"
    )
    salt: str = setting(
        "echomort-1", "ours", "changes every role and fold; never change it on a live project", min_length=1
    )
    reader_fraction: float = setting(
        0.02, "ours", "share of all patients that is kept for the reader study", ge=0, lt=0.5
    )
    sealed_fraction: float = setting(
        0.05, "ours", "share of the other patients that is sealed: for promotion and validation", ge=0, lt=0.5
    )
    later_from: int | None = setting(
        None, "ours", "calendar year; patients whose first echo is in it or later are held out (null: none)", ge=1980
    )
    heart_failure_fraction: float = setting(
        0.10,
        "ours",
        "share of the other patients with heart failure at their first echo that is held out",
        ge=0,
        lt=0.5,
    )
    minimum_age: float = setting(18, "recalled", "years at the study", ge=0, le=120)
    maximum_age: float = setting(110, "ours", "years at the study", ge=0, le=130)

    @property
    def role_digest(self) -> str:
        """A digest of the settings that decide roles: with equal ones no patient changes role."""
        return digest(
            self.salt, self.reader_fraction, self.sealed_fraction, self.later_from, self.heart_failure_fraction
        )


SameDay = Literal["exclude", "before"]
"""Whether records of an echo's own day count as known before it, if one of the two has no time of day."""


class Features(Section):
    """The variables of the health record."""

    between_echoes: Literal["prospective", "paper", "none"] = setting(
        "prospective",
        "published",
        "echo values that a study lacks: carried forward from the last echo, interpolated as in the method, or missing",
    )
    carry_days: int = setting(
        365, "ours", "days after which a value is no longer carried forward (prospective only)", ge=1, le=3650
    )
    outside_values: Literal["before", "nearest"] = setting(
        "before",
        "published",
        "values from outside the study (vitals, laboratory): the last one before it, within the variable's window; or "
        "the nearest in time, before or after",
    )
    outside_days: int = setting(
        183, "published", "most days between the study and such a value (nearest only)", ge=1, le=3650
    )
    same_day: SameDay = setting(
        "exclude",
        "ours",
        "values and codes of the echo's day, if they or the echo have no time: left out, or taken as known before it",
    )


class ClinicalScores(Section):
    """The published clinical scores."""

    out_of_range: Literal["strict", "clamp", "extrapolate"] = setting(
        "strict", "ours", "an input outside a score's limits: no score, the limit instead, or the value as it is"
    )
    seattle_gaps: Literal["none", "median"] = setting(
        "none", "ours", "missing uric acid or lymphocytes of the Seattle model: no score, or the median of all studies"
    )
    assumed_nyha: int | None = setting(
        None,
        "ours",
        "NYHA class that is assumed where none is on record (null: no Seattle and no MAGGIC score)",
        ge=1,
        le=4,
    )


ALL_LOOPS = "unknown"
"""Key of ``view_sizes`` for loops whose view is unknown: the commonest size of all loops."""

Size = tuple[Annotated[int, Field(ge=8, le=4096)], Annotated[int, Field(ge=8, le=4096)]]
"""Rows and columns of a frame before it is reduced. The limits are those of a clip and of an object's frames."""

TagTable = Literal["standard", "paper"]
"""What view tags mean: what they mean at most sites, or in the preprint's laboratory."""


@dataclass(frozen=True)
class HeaderReading:
    """How a header is read: ``imaging.clip.view_tags`` and ``imaging.frame_rates``."""

    view_tags: TagTable = "standard"
    frame_rates: Mapping[str, float] = field(default_factory=dict)


USUAL_READING = HeaderReading()
"""How headers are read where no setting says otherwise."""


LoopNote = Literal[
    "contrast", "stress", "examination_disputed", "transoesophageal_by_text", "not_a_cone", "apex_below", "noisy",
    "black_frames", "frozen", "scene_change", "gap", "trace_removed", "trace_left",
]  # fmt: skip
"""Notes of what a loop shows, by which loops can be left out."""


class ClipSettings(Section):
    """The shape of a clip, and how it and its view are made from a cine loop."""

    frames: int = setting(60, "published", "frames of a clip, counted from the first", ge=1, le=1000)
    fit: Literal["inside", "view_size"] = setting(
        "inside",
        "published",
        "frames of a clip: the sector's region fitted inside height and width with its aspect, or the whole frame "
        "cropped or padded to the commonest size of its view, then reduced",
    )
    framing: Literal["sector", "region"] = setting(
        "sector",
        "ours",
        "what is fitted: the box of the sector that is seen, so that scale does not depend on a tag, or the region "
        "that the header declares (fit inside only)",
    )
    height: int = setting(109, "published", "height of a clip in pixels (fit inside only)", ge=8, le=2048)
    width: int = setting(150, "published", "width of a clip in pixels (fit inside only)", ge=8, le=2048)
    reduction: int = setting(
        4,
        "published",
        "by what rows and columns are divided after cropping or padding (fit view_size only)",
        ge=1,
        le=16,
    )
    view_sizes: dict[str, Size] = setting(
        {},
        "ours",
        "[rows, columns] by view, in place of the commonest of the archive (fit view_size only); unknown: of all loops",
    )
    fps: float = setting(30.0, "published", "frames a second after linear interpolation in time", gt=0, le=240)
    resize: Literal["area", "linear"] = setting(
        "area", "published", "filter that scales frames; linear is that of the authors' code"
    )
    colour: Literal["reject", "keep"] = setting("reject", "recalled", "what to do with colour Doppler loops")
    source: Literal["annotated", "raw"] = setting(
        "annotated", "published", "pixels as displayed, or the vendor's native data before display (raw; Philips only)"
    )
    view_tags: TagTable = setting(
        "standard",
        "published",
        "what view tags mean: as at most sites, or as in the preprint's laboratory (Ext. Table 1)",
    )
    min_seconds: float = setting(
        0, "published", "loops that last less give no clip; the preprint's had at least one second", ge=0, le=60
    )
    leave_out: tuple[LoopNote, ...] = setting(
        (), "ours", "notes of loops that give no clip (reason left_out): contrast, stress, apex_below and the like"
    )

    @classmethod
    def written(cls, values: Mapping[str, Any]) -> "ClipSettings":
        """Return the settings that were written to a file; releases that knew no ``framing`` framed by the region."""
        return cls.model_validate({"framing": "region", **values})

    @property
    def shape(self) -> tuple[int, int, int]:
        """(frames, height, width) of every clip with fit ``inside``."""
        return self.frames, self.height, self.width

    def size_of(self, view: str) -> tuple[int, int]:
        """Return the rows and columns that frames of ``view`` are cropped or padded to (fit ``view_size`` only).

        Raises :class:`UserError` where they are not known: they are facts of an archive.
        """
        size = self.view_sizes.get(view, self.view_sizes.get(ALL_LOOPS))
        if size is None:
            raise UserError(
                "imaging.clip.fit is view_size, and the commonest sizes of frames are not known here",
                "use the home of a project whose archive was indexed, or set imaging.clip.view_sizes, unknown included",
            )
        return size

    def shape_of(self, view: str) -> tuple[int, int, int]:
        """Return (frames, height, width) of the clips of ``view``. Raises :class:`UserError` as :meth:`size_of`.

        >>> ClipSettings(fit="view_size", view_sizes={"apical_4": (436, 600)}).shape_of("apical_4")
        (60, 109, 150)
        """
        if self.fit == "inside":
            return self.shape
        rows, columns = self.size_of(view)
        return self.frames, max(1, round(rows / self.reduction)), max(1, round(columns / self.reduction))

    @property
    def deciding(self) -> dict[str, Any]:
        """The settings that are read with this fit, by name; sizes of views decide only the clips of their view."""
        unread = {"view_sizes", "reduction"} if self.fit == "inside" else {"view_sizes", "height", "width", "framing"}
        return self.model_dump(mode="json", exclude=unread)

    @property
    def deciding_shape(self) -> tuple[int, ...]:
        """What settings alone decide of the shape of clips: all of it, or frames and reduction (``view_size``)."""
        return self.shape if self.fit == "inside" else (self.frames, self.reduction)

    def makes_the_same(self, other: "ClipSettings", views: Iterable[str]) -> bool:
        """Return whether clips of ``views`` made with ``other`` are the same as with these settings."""
        if self.deciding != other.deciding:
            return False
        return self.fit == "inside" or self.has_sizes_of(other, views)

    def has_sizes_of(self, other: "ClipSettings", views: Iterable[str]) -> bool:
        """Return whether those of ``views`` whose size both name have the same size in both."""
        known = self.view_sizes.keys() & other.view_sizes.keys()
        return all(self.view_sizes[view] == other.view_sizes[view] for view in known.intersection(views))


class Views(Section):
    """The view classifier: names the view of loops without a view tag; it learns from the archive's tagged loops."""

    classify: bool = setting(True, "published", "name the view of loops without a tag by their pixels")
    precision: float = setting(
        0.9, "ours", "lower 95 % bound of the precision that a view must reach on held-out patients", gt=0.5, lt=1
    )
    min_clips: int = setting(40, "ours", "tagged loops that a view needs to be learnt", ge=10)
    max_clips: int = setting(500, "ours", "most tagged loops of a view to learn from, drawn by their keys", ge=10)

    @pydantic.model_validator(mode="after")
    def _maximum_reaches_minimum(self) -> "Views":
        if self.max_clips < self.min_clips:
            raise ValueError("imaging.views.max_clips is below min_clips: no view would ever be learnt")
        return self


class Imaging(Section):
    """From files to clips."""

    clip: ClipSettings = ClipSettings()
    views: Views = Views()
    reject_gate: float = setting(0.5, "ours", "share of unreadable files above which the run stops", ge=0, le=1)
    file_timeout: float = setting(60, "ours", "seconds that reading one file may take", gt=0)
    worker_memory_gib: float = setting(4, "ours", "GiB of address space of one decode process", gt=0.5)
    frame_rates: dict[str, Annotated[float, Field(ge=5, le=400)]] = setting(
        {}, "ours", "frames a second of loops in which no tag says them, by the device's ManufacturerModelName"
    )

    @property
    def header_reading(self) -> HeaderReading:
        """How headers are read."""
        return HeaderReading(self.clip.view_tags, self.frame_rates)

    @pydantic.model_validator(mode="after")
    def _a_classifier_names_clips_of_one_size(self) -> "Imaging":
        if self.clip.fit == "view_size" and self.views.classify:
            raise ValueError(
                "with imaging.clip.fit view_size the size of a clip follows from its view, so a clip can't be made "
                "before it is named: set imaging.views.classify to false"
            )
        return self


def _network(name: str) -> str:
    if name not in NETWORKS:
        raise ValueError(f"known networks: {', '.join(NETWORKS.names())}")
    return name


ValidationClasses = Literal["proportional", "balanced"]
"""How many patients of each outcome decide when a training stops."""


class Training(Section):
    """One network a view."""

    network: Annotated[str, pydantic.AfterValidator(_network)] = setting(
        "cnn_3d", "published", "architecture: one of the registered networks"
    )
    network_settings: dict[str, Any] = setting({}, "ours", "the network's own settings; the method's have none")
    optimizer: Literal["by_network", "adagrad", "rmsprop", "adam"] = setting(
        "by_network", "published", "by_network: AdaGrad for 3-D networks, RMSProp for 2-D ones; all as in Keras 2.2"
    )
    learning_rate: float | None = setting(
        None, "published", "null: Keras 2.2's for the optimizer, AdaGrad 0.01, RMSProp and Adam 0.001", gt=0, le=1
    )
    schedule: Literal["constant", "one_cycle"] = setting(
        "constant", "published", "learning rate over the epochs; one_cycle warms up to it and falls to nothing"
    )
    norm_momentum: float = setting(
        NORM_MOMENTUM,
        "published",
        "weight of a new batch in batch-normalisation statistics (Keras writes 1 minus it, 0.99)",
        gt=0,
        le=1,
    )
    networks: int = setting(
        1,
        "ours",
        "networks with first weights of their own, of whose log odds the mean is taken; the method has one",
        ge=1,
        le=MOST_NETWORKS,
    )
    dropout: float = setting(
        DROPOUT,
        "published",
        "share of the features left out in training, before the last layer (the authors' code, of the 3-D network)",
        ge=0,
        lt=1,
    )
    shift: int = setting(
        0,
        "ours",
        "most pixels that a clip is moved by, each way, anew each time it is trained on; the method moves none",
        ge=0,
    )
    random_start: bool = setting(
        False, "ours", "train on each loop from another frame on each time, its end followed by its start"
    )
    batch: int = setting(32, "published", "clips an update", ge=1, le=4096)
    max_epochs: int = setting(100, "published", "most epochs", ge=1, le=10_000)
    stopping: Literal["patience", "fixed"] = setting("patience", "published", "on validation loss, or after max_epochs")
    patience: int = setting(10, "published", "stop after more epochs than this without a lower validation loss", ge=1)
    validation_fraction: float = setting(
        0.1, "published", "share of the training patients that decides when to stop (patience only)", gt=0, lt=0.5
    )
    validation_classes: ValidationClasses = setting(
        "proportional",
        "published",
        "those patients: as many of each outcome as there are (proportional), or the same number of both (balanced; at "
        "most half of the deaths)",
    )
    class_weights: bool = setting(True, "published", "weight each class by N / (2 N_class)")
    precision: Literal["exact", "fast"] = setting(
        "exact",
        "ours",
        "fast is bfloat16 where the processor has it and the network has no compiled kernel, which is faster",
    )
    min_clips: int = setting(1000, "ours", "a view with fewer clips is skipped, with the reason", ge=1)
    min_deaths: int = setting(100, "ours", "a view with fewer deaths is skipped, with the reason", ge=1)
    views: tuple[str, ...] | None = setting(None, "published", "train these views only (null: all that have enough)")
    fold_processes: int = setting(0, "ours", "models trained side by side (0: one a processor core or GPU)", ge=0)
    seed: int = setting(1, "ours", "seed of initial weights, order and dropout", ge=0)

    @pydantic.model_validator(mode="after")
    def _network_knows_its_settings(self) -> "Training":
        if self.network_settings:  # else the network, and torch with it, need not be loaded
            own_settings(self.network, self.network_settings)
        return self


class Tabular(Section):
    """Models of the health-record features."""

    variables: Literal["method", "extended", "catalogue"] = setting(
        "method",
        "published",
        "variables of the trees: the method's 158; with them the other echo variables and diagnosis groups; or every "
        "variable of the catalogue, the site's own too",
    )
    depth: int = setting(4, "ours", "depth of a tree", ge=1, le=20)
    min_child_weight: float = setting(
        5,
        "ours",
        "least weight of a leaf, the sum of p (1 - p) over its training rows: where a quarter die, 5 is 27 rows",
        gt=0,
    )
    rounds: int = setting(300, "ours", "most trees", ge=1)
    learning_rate: float = setting(0.05, "ours", "shrinkage", gt=0, le=1)
    early_stopping: int = setting(20, "ours", "rounds without a better inner validation loss", ge=1)
    baselines: tuple[Literal["logistic", "random_forest", "xgboost"], ...] = setting(
        ("logistic", "random_forest", "xgboost"),
        "recalled",
        "learners fitted beside the trees ([]: none)",
    )
    baseline_variables: tuple[Literal["clinical", "echo", "all", "age_sex", "age_sex_lvef"], ...] = setting(
        ("clinical", "echo", "all", "age_sex", "age_sex_lvef"),
        "ours",
        "variables of each baseline: the 100 clinical, the 58 echo, all 158; age and sex, and LVEF with them, by "
        "logistic regression alone, over which added value is measured",
    )
    logistic_ridge: float = setting(10.0, "ours", "penalty of the logistic baseline on standardised columns", gt=0)
    forest_trees: int = setting(100, "ours", "trees of the random forest", ge=1, le=10_000)
    imputation_scope: Literal["fold", "global"] = setting(
        "fold",
        "recalled",
        "rows that the imputation is fitted on: a fold's training rows, or all rows as in the method",
    )
    imputation_rounds: int = setting(5, "ours", "rounds of the chained equations", ge=1, le=100)
    max_missing: float = setting(
        0.9,
        "published",
        "share of gaps above which a column is left out where complete data are needed",
        gt=0,
        le=1,
    )
    outliers: Literal["without_limits", "all", "none"] = setting(
        "without_limits",
        "published",
        "variables in which outliers become gaps: values beyond 3 standard deviations of the mean, and also beyond 3 "
        "interquartile ranges of the quartiles",
    )
    importance_repeats: int = setting(3, "ours", "shuffles a variable for the permutation importance (0: none)", ge=0)
    seed: int = setting(1, "ours", "seed of the subsampling and the inner split", ge=0)


ENCODER_SPEC = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}\.ya?ml")
"""The name of an encoder's spec, as that of a file of external scores (:data:`SCORE_FILE`)."""


def _encoder_specs(files: tuple[Path, ...]) -> tuple[Path, ...]:
    if not all(ENCODER_SPEC.fullmatch(file.name) for file in files):
        raise ValueError(
            "the name of a spec names its encoder in the report: at most 40 letters, digits, - and _, a letter first, "
            "then .yaml"
        )
    if len({file.stem for file in files}) < len(files):
        raise ValueError("two specs have one name, and so their encoders: rename one")
    return files


EncoderSpecs = Annotated[tuple[Path, ...], pydantic.BeforeValidator(_names), pydantic.AfterValidator(_encoder_specs)]
"""Specs of encoders, each named after its encoder."""


class Encoders(Section):
    """Encoders of clips that the site brings (docs/extending/encoder.md): a linear model learns from their
    embeddings."""

    specs: EncoderSpecs = setting(
        (), "ours", "files (YAML), each of which says what one encoder takes, where its weights are, and their SHA-256"
    )
    accepted_licences: Annotated[tuple[str, ...], pydantic.BeforeValidator(_names)] = setting(
        (), "ours", "licences of encoders' weights that you have read and accept, named as their specs name them"
    )
    processes: int = setting(
        0, "ours", "processes that encode side by side, each with the weights in memory (0: one a processor core)", ge=0
    )
    ridge: float = setting(100.0, "ours", "penalty of the linear model on standardised embeddings", gt=0)

    @property
    def cores(self) -> int:
        """Processes to start."""
        return self.processes or len(os.sched_getaffinity(0))


class Fusion(Section):
    """Stacking of out-of-fold scores."""

    model: Literal["logistic", "xgboost"] = setting("xgboost", "ours", "what combines the scores")
    ridge: float = setting(1.0, "ours", "penalty of the logistic stack on standardised scores", gt=0)
    depth: int = setting(2, "ours", "of a tree of the xgboost stack", ge=1, le=20)
    rounds: int = setting(60, "ours", "trees of the xgboost stack", ge=1)
    learning_rate: float = setting(0.1, "ours", "shrinkage of the xgboost stack", gt=0, le=1)


class Evaluation(Section):
    """Intervals, thresholds and the permuted null."""

    confidence: float = setting(0.95, "ours", "confidence level of every interval", gt=0.5, lt=1)
    bootstrap: int = setting(2000, "ours", "patient-clustered resamples", ge=100)
    permutations: int = setting(5, "ours", "trainings of everything on permuted labels", ge=1, le=1000)
    controls: Literal["none", "linear", "all"] = setting(
        "linear",
        "ours",
        "controls of motion: those that are linear, or also those that train the network again (`all`)",
    )
    fixed_sensitivity: float = setting(0.9, "ours", "sensitivity that a second threshold has to reach", gt=0, lt=1)
    suppress_below_events: int = setting(
        10, "ours", "deaths, or survivors, below which no model and no subgroup gets a figure", ge=1
    )
    explain_loops: bool = setting(
        True, "ours", "show in the report which parts of its example loops their risks rest on (docs/explaining.md)"
    )
    seed: int = setting(1, "ours", "seed of the resampling", ge=0)
    suspicious_auc: float = setting(
        0.98, "ours", "AUC of one variable or one model from which a leak is suspected: no promotion", ge=0.9, le=1
    )
    suspicious_deaths: int = setting(
        20,
        "ours",
        "deaths, and survivors, below which such an AUC may be chance and raises no suspicion",
        ge=10,
        le=1000,
    )


class Promotion(Section):
    """When a candidate becomes champion: judged by the risks that it would serve, on the sealed set."""

    margin: float = setting(
        0.02,
        "ours",
        "most that the AUC may be below the reference's, at the lower end of the difference's interval",
        ge=0,
        lt=0.5,
    )
    group_margin: float = setting(
        0.05, "ours", "AUC below the champion's in a group, if shown there, from which it stays", ge=0, lt=0.5
    )
    minimum_deaths: int = setting(
        10, "ours", "sealed deaths, and survivors, below which nothing is promoted and no group is judged", ge=1
    )
    first_auc: float | None = setting(
        0.5,
        "ours",
        "AUC that the first champion's interval must lie above (null: no bar at all, for a trial of a few patients)",
        ge=0.5,
        lt=1,
    )
    lowest_slope: float = setting(0.6, "ours", "lowest calibration slope", gt=0)
    highest_slope: float = setting(1.6, "ours", "highest calibration slope", gt=0)
    in_the_large: float = setting(0.5, "ours", "largest calibration-in-the-large, either way (logits)", gt=0)


class Scoring(Section):
    """How the champion scores studies that no model learnt from."""

    beyond: Literal["mark", "withhold"] = setting(
        "mark",
        "ours",
        "a study beyond what the development cohort holds: its risk says so (mark), or is not given (withhold)",
    )

    def withholds(self, beyond: Sized) -> bool:
        """Return whether a study gets no risk of which ``beyond`` is beyond."""
        return self.beyond == "withhold" and len(beyond) > 0


class Watch(Section):
    """When the watch says that the latest studies differ from those before, or that risks are wrong."""

    false_alarms: float = setting(
        0.01,
        "ours",
        "largest share of looks that warn though nothing changed; of deaths against risks: of projects that ever warn",
        gt=0,
        lt=0.5,
    )
    smallest_shift: float = setting(
        0.1, "ours", "population stability index of an input from which a shift is worth a warning", ge=0
    )


ExperimentName = Literal["figure2", "figure3", "table1", "figure5", "resolution", "flow", "inputs", "study"]
"""The experiments of the preprint, and this project's own."""


class Experiments(Section):
    """The experiments of the preprint (docs/experiments.md)."""

    keep: tuple[ExperimentName, ...] = setting(
        (), "ours", "experiments that `echomort run` keeps up to date; others are made by `echomort experiment`"
    )
    patients: tuple[Annotated[int, Field(ge=2)], ...] = setting(
        (10, 30, 100, 300, 1000, 3000, 10000),
        "ours",
        "patients that a model of the learning curve is trained on; all patients come on top",
    )
    max_epochs: int | None = setting(
        None, "ours", "most epochs of a cell's trainings (null: training.max_epochs)", ge=1, le=10_000
    )
    survey: int = setting(
        300,
        "published",
        "dead, and as many alive, that Table 1 is judged on; at most a fifth of the rarer of the two",
        ge=1,
    )


class Cluster(Section):
    """What jobs on a cluster get (``execution.executor`` is ``ray`` or ``k8s``); see docs/clusters.md."""

    jobs: int = setting(8, "ours", "most jobs at a time", ge=1, le=1000)
    cpus: int = setting(4, "ours", "processor cores of a job", ge=1)
    gpus: int = setting(0, "ours", "GPUs of a job that trains", ge=0)
    memory_gib: float = setting(8, "ours", "GiB of memory of a job", gt=0)
    studies: int = setting(
        1024, "ours", "studies that one job decodes: minutes of work, since a job takes seconds to start", ge=1
    )
    ray_address: str = setting("http://127.0.0.1:8265", "ours", "`ray`: address of the cluster's dashboard")
    namespace: str | None = setting(None, "ours", "`k8s`: namespace of the pods (null: that of this pod, or default)")
    pod: Path | None = setting(None, "ours", "`k8s`: YAML file with the specification of a job's pod")


class Execution(Section):
    """Where steps run, and with how much memory."""

    executor: Literal["in_process", "multiprocess", "ray", "k8s"] = setting(
        "multiprocess",
        "ours",
        "run the graph's steps in one process or in several; decode and train in several processes here, or as jobs of "
        "a Ray cluster or of Kubernetes",
    )
    cluster: Cluster = Cluster()
    processes: int = setting(0, "ours", "decode processes (0: one a processor core)", ge=0)
    memory_limit_gib: float = setting(4, "ours", "GiB of memory that DuckDB may use", gt=0.1)
    keep_runs_days: int = setting(
        180,
        "ours",
        "days that Dagster's record of a run is kept (0: for ever); what an asset was made by last is always kept",
        ge=0,
    )

    @property
    def cores(self) -> int:
        """Decode processes to start."""
        return self.processes or len(os.sched_getaffinity(0))

    @property
    def on_cluster(self) -> bool:
        """Whether clips are decoded and networks trained by other machines."""
        return self.executor in ("ray", "k8s")

    @pydantic.model_validator(mode="after")
    def _pods_are_specified(self) -> "Execution":
        if self.executor == "k8s" and self.cluster.pod is None:
            raise ValueError("executor k8s needs execution.cluster.pod (deploy/helm/pod.yaml is an example)")
        return self
