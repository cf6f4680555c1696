"""The report."""

from pathlib import Path

from assets.experiments.stages import asset_name
from assets.incremental import Build, Built, Result, Stage, picture, rebuild_after, whole_asset
from assets.project import Project
from echomort.core.errors import UserError
from echomort.core.fingerprint import digest, digest_file
from warehouse.reads.report.report_data import kept_risks, report_data


def reader_study_digest(project: Project) -> str | None:
    """Return the digest of the reader study's results; None if there are none."""
    from echomort.reader_study.summary import summary_file

    file = summary_file(project.root)
    return digest_file(file) if file.exists() else None


def not_of_assets_above(project: Project) -> list[str | None]:
    """Return the digests of what the report reads that no asset above it holds: the reader study's results, and the
    risks that were kept before outcomes were known."""
    with project.reader() as connection:
        kept = kept_risks(connection).to_json(orient="values", double_precision=15)
    return [reader_study_digest(project), digest(kept)]


REPORTED = ("figure2", "figure5")
"""The experiments that the report shows, where they were made; it waits for none."""

REPORT = Stage(
    "report",
    (
        *("patient", "outcomes", "cohort", "clinical_features"),
        *("dicom_index", "linkage", "clips", "clip_views"),
        *("view_models", "ehr_models", "ehr_baselines", "fusion", "encoder_models", "external_scores", "evaluation"),
        "explained_loops",
        *map(asset_name, REPORTED),
    ),
    lambda settings: settings.model_dump(mode="json", exclude={"home"}),
    not_of_assets_above,
)


@whole_asset(REPORT, "evaluation", "html")
def report(project: Project) -> Result:
    """One HTML file to read offline, the same figures as JSON, and every figure as SVG and table as CSV."""
    from echomort.reader_study.section import reader_section
    from echomort.report.build import write_report
    from echomort.report.previews import write_previews

    def work() -> Build:
        with project.reader() as connection:
            data = report_data(connection, project.settings, project.keyring.key_id)
        if not len(data.cohort):
            raise UserError(
                "there is nothing to report: no study is in the cohort", "make the rest with `echomort run`"
            )
        files = write_report(data, project.root / "report", reader_section(data.reader_study))
        write_previews(data, project.root / "report")
        version = digest(*map(digest_file, files.all))
        beside = tuple(str(file.relative_to(project.root)) for file in files.all[1:])
        return lambda connection: Built(version, {}, "report/report.html", beside)

    return with_plots(rebuild_after(project, REPORT, work), project.root / "report")


def with_plots(result: Result, folder: Path) -> Result:
    """Return ``result`` with the PNG files of ``folder`` as plots in the metadata."""
    plots = {file.stem: picture(file.stem, file.read_bytes()) for file in sorted(folder.glob("*.png"))}
    return result._replace(metadata={**(result.metadata or {}), **plots})
