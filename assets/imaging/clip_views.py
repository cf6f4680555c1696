"""The view of every clip, from its tag or from its pixels."""

import duckdb

from assets.incremental import Build, Built, Result, Stage, built_tables, rebuild_after, whole_asset
from assets.project import Project
from echomort.core.fingerprint import digest
from warehouse.queries import run
from warehouse.tables.archive import instances

VIEW_CLASSIFIER = "models/view_classifier"
"""Path of the view classifier below the home."""

CLIP_VIEWS = Stage(
    "clip_views",
    ("clips",),
    lambda settings: {"imaging.views": settings.imaging.views},
)


@whole_asset(CLIP_VIEWS, "imaging", "sklearn", "duckdb")
def clip_views(project: Project) -> Result:
    """The view of every clip: its tag's, else what a classifier learnt from the tagged clips makes of its pixels."""
    from echomort.models.view_naming import name_views

    def work() -> Build:
        with project.reader() as connection:
            clips = run(connection, "reads/training/tagged_clips.sql").df()
        named = name_views(clips, project.root, project.settings.imaging.views)
        named.classifier.save(project.root / VIEW_CLASSIFIER)

        def commit(connection: duckdb.DuckDBPyConnection) -> Built:
            instances.replace_clip_views(connection, named.views)
            counts = named.views["view_source"].value_counts().to_dict()
            built = built_tables(connection, "clip_view")
            shown = {f"by {source}": int(count) for source, count in counts.items()} | named.classifier.metadata
            return Built(digest(built.digest, named.classifier.facts), shown, VIEW_CLASSIFIER)

        return commit

    return rebuild_after(project, CLIP_VIEWS, work)
