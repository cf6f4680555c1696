"""All settings together, and the paths of a project."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from echomort.settings.preset import read_preset
from echomort.settings.sections import (
    ClinicalScores,
    Cohort,
    Encoders,
    Evaluation,
    Execution,
    Experiments,
    Features,
    Fusion,
    Imaging,
    Linkage,
    Outcome,
    Privacy,
    Promotion,
    Provenance,
    Scoring,
    Section,
    Sources,
    Tabular,
    Training,
    Watch,
)

REGISTRY = "registry"
"""Folder of the registry of models, below the home."""


class Settings(Section):
    """Everything that decides a result apart from the inputs."""

    preset: Literal["demo", "paper", "pilot", "standard"] = "demo"
    home: Path = Path("demo")
    sources: Sources = Sources()
    linkage: Linkage = Linkage()
    privacy: Privacy = Privacy()
    outcome: Outcome = Outcome()
    cohort: Cohort = Cohort()
    imaging: Imaging = Imaging()
    training: Training = Training()
    features: Features = Features()
    clinical_scores: ClinicalScores = ClinicalScores()
    tabular: Tabular = Tabular()
    encoders: Encoders = Encoders()
    fusion: Fusion = Fusion()
    evaluation: Evaluation = Evaluation()
    promotion: Promotion = Promotion()
    scoring: Scoring = Scoring()
    watch: Watch = Watch()
    experiments: Experiments = Experiments()
    execution: Execution = Execution()

    @property
    def is_synthetic(self) -> bool:
        """Whether the embedded archive is the source."""
        return self.sources.synthetic is not None

    @property
    def dicom_root(self) -> Path:
        """Folder of the echo files: the site's, the mirror of object storage, or the embedded archive's."""
        if isinstance(self.sources.dicom, str):
            return self.home / "mirror" / "dicom"
        return self.sources.dicom or self.home / "archive" / "dicom"

    @property
    def ehr_root(self) -> Path | None:
        """Folder of the health-record extract; None where all of it is in a database."""
        if self.sources.postgresql and not self.sources.ehr:
            return None
        return self.sources.ehr or self.home / "archive" / "ehr"

    @property
    def truth_root(self) -> Path:
        """Folder of the generator's truth; only the evaluation of a synthetic archive reads it."""
        return self.home / "archive" / "truth"

    @property
    def warehouse(self) -> Path:
        """The DuckDB file."""
        return self.home / "warehouse.duckdb"

    @property
    def registry(self) -> Path:
        """Folder of the candidates, one of which is the champion."""
        return self.home / REGISTRY

    def provenance(self) -> Iterator[tuple[str, Any, Provenance, str]]:
        """Yield (key, value, provenance, meaning) of every method setting; a value other than that of preset
        ``paper`` is ``ours``."""
        yield from _provenance(self, "", read_preset("paper"))


def _provenance(section: Section, prefix: str, paper: Mapping[str, Any]) -> Iterator[tuple[str, Any, Provenance, str]]:
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, Section):
            yield from _provenance(value, f"{prefix}{name}.", paper.get(name, {}))
        elif isinstance(field.json_schema_extra, dict):
            declared: Any = field.json_schema_extra["provenance"]
            papers = paper.get(name, field.default)  # YAML has lists for tuples
            is_papers = value == (tuple(papers) if isinstance(papers, list) else papers)
            yield f"{prefix}{name}", value, declared if is_papers else "ours", field.description or ""
