"""The card of the champion."""

from pathlib import Path

from assets.incremental import Build, Built, Result, Stage, rebuild_after, whole_asset
from assets.project import Project
from echomort.core.fingerprint import digest, digest_file


def champion_pointer(project: Project) -> str | None:
    """Return the digest of the file that names the champion; None where there is none."""
    file = project.settings.registry / "champion.json"
    return digest_file(file) if file.exists() else None


MODEL_CARD = Stage(
    "model_card",
    ("champion", "evaluation"),
    lambda settings: {
        "evaluation.confidence": settings.evaluation.confidence,
        "evaluation.suppress_below_events": settings.evaluation.suppress_below_events,
    },
    champion_pointer,
)


@whole_asset(MODEL_CARD, "serving", "html", "markdown")
def model_card(project: Project) -> Result:
    """What the champion is, what it is for, and how well it does, without anything about a patient."""
    from echomort.report.model_card import CardData, write_card

    def work() -> Build:
        evaluation = project.settings.evaluation
        with project.reader() as connection:
            metrics = connection.table("metric").df()
        name, manifest = _champion(project.settings.registry)
        data = CardData(name, manifest, metrics, evaluation.suppress_below_events, evaluation.confidence)
        files = write_card(data, project.root / "report")
        version = digest([digest_file(file) for file in files])
        page, *beside = (str(file.relative_to(project.root)) for file in files)
        return lambda connection: Built(version, {"champion": name or "none"}, page, tuple(beside))

    return rebuild_after(project, MODEL_CARD, work)


def _champion(registry: Path) -> tuple[str, dict[str, object] | None]:
    from echomort.champion.store import read_manifest, read_pointer

    pointer = read_pointer(registry)
    return ("", None) if pointer is None else (pointer.candidate, read_manifest(registry, pointer))
