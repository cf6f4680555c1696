"""A project whose Dagster instance lies in PostgreSQL, as deploy/dagster.yaml says."""

import importlib.util
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import dagster as dg
import pytest
import yaml
from postgresql_peer import Server, postgresql, why_not
from projects import Home

from orchestration.runs import INSTANCE_TEMPLATE

DEPLOY = Path(__file__).parents[2] / "deploy"
VARIABLE = "DAGSTER_POSTGRES_URL"


def test_it_is_the_instance_of_the_product_but_for_its_storage() -> None:
    ours, theirs = (yaml.safe_load(path.read_text()) for path in (DEPLOY / "dagster.yaml", INSTANCE_TEMPLATE))
    assert ours.pop("storage") == {"postgres": {"postgres_url": {"env": VARIABLE}}}
    assert ours == theirs


@pytest.fixture
def server() -> Iterator[Server]:
    """A PostgreSQL that holds nothing."""
    reason = why_not() or (None if importlib.util.find_spec("dagster_postgres") else "needs the extra deploy")
    if reason:
        pytest.skip(reason)
    with postgresql() as running:
        yield running


@pytest.mark.slow
def test_a_run_is_recorded_there_and_nothing_in_the_home(server: Server, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    instance_folder = home.root / "dagster"
    instance_folder.mkdir(parents=True)
    shutil.copy(DEPLOY / "dagster.yaml", instance_folder)
    url = f"postgresql+psycopg2://owner@/postgres?host={server.folder}"
    home.run("--set", "sources.synthetic.patients=10", "--select", "key:dicom_archive", **{VARIABLE: url})
    with (
        mock.patch.dict(os.environ, {VARIABLE: url, "DAGSTER_HOME": str(instance_folder)}),
        dg.DagsterInstance.get() as instance,
    ):
        (run,) = instance.get_runs()
        made = instance.get_latest_materialization_event(dg.AssetKey("dicom_archive"))
    assert run.status is dg.DagsterRunStatus.SUCCESS and made is not None and made.run_id == run.run_id
    assert list(instance_folder.rglob("*.db")) == [], "no SQLite beside it"
