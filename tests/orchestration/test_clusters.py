"""Work on other machines: a real Ray cluster of two nodes, and what a pod would be."""

import importlib.util
import json
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest
import yaml
from projects import Home, clean_environment

from assets import child
from assets.child import do_as_child
from assets.imaging.clips import CLIPS
from assets.incremental import run_child
from assets.project import Project
from assets.training.view_models import VIEW_MODELS
from echomort.clips.decoding import decode_file
from echomort.core.errors import UserError
from echomort.core.installed import installation_digest
from echomort.core.keys import Keyring
from echomort.core.sealing import seal, unseal
from echomort.settings import Cluster, Execution, load_settings
from orchestration.children import children
from orchestration.pools import TRAINING, fit_trainings
from warehouse import ledger, vault

ROOT = Path(__file__).parents[2]
POD = ROOT / "deploy/helm/pod.yaml"
STUDIES = 8
"""Studies whose clips are made again."""

needs_ray = pytest.mark.skipif(importlib.util.find_spec("dagster_ray") is None, reason="needs extra ray")
needs_k8s = pytest.mark.skipif(importlib.util.find_spec("dagster_k8s") is None, reason="needs extra k8s")


# --- a Ray cluster --------------------------------------------------------------------------------------------------

ALONE = ["unshare", "--net", "--pid", "--fork", "--mount-proc", "--kill-child"]
"""A network of its own, in which everything is loopback, and processes of its own, which end with the first."""

TWO_NODES = """
set -e
ip link set lo up
begin() { "$PYTHON" -P -m ray.scripts.scripts start "$@" --object-store-memory=80000000 --disable-usage-stats; }
ray() { begin "$@" >>"$RAY_PLACE/log" 2>&1 || begin "$@" >>"$RAY_PLACE/log" 2>&1 || exit 75; }
ray --head --node-ip-address=127.0.0.1 --port=6379 --num-cpus=0 --temp-dir="$RAY_PLACE"
ray --address=127.0.0.1:6379 --num-cpus=2 --dashboard-agent-listen-port=52366
"$PYTHON" -P -m orchestration.cli run --home "$RAY_HOME" --select clips,view_models $RAY_SETTINGS
"$PYTHON" -P -c "$RAY_QUESTION"
"""
"""Head and node; work can only be done by the node, since the head has no core."""

TOO_SLOW = 75
"""How the script ends where Ray gave up twice while it started (sysexits.h, EX_TEMPFAIL)."""

QUESTION = """
import json
from ray.job_submission import JobSubmissionClient
jobs = JobSubmissionClient("http://127.0.0.1:8265").list_jobs()
print("JOBS", json.dumps([[job.entrypoint, str(job.status), job.metadata] for job in jobs]))
"""


def confined() -> bool:
    """Return whether this machine lets a test have a network of its own."""
    return (
        shutil.which("unshare") is not None
        and not subprocess.run([*ALONE, "ip", "link"], capture_output=True, check=False).returncode
    )


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder for the cluster, with a short path: that of a socket has at most 107 characters."""
    with tempfile.TemporaryDirectory(prefix="ray", dir="/tmp", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@needs_ray
@pytest.mark.slow
def test_a_ray_cluster_of_two_nodes_makes_the_same_clips_and_models(project: Home, place: Path) -> None:
    if not confined():
        pytest.skip("needs a network namespace (unshare --net, as root)")
    before = project.ledger()
    files = sorted((project.root / "clips").rglob("*.safetensors"))[:STUDIES]
    trained = project.query("SELECT artifact FROM ledger WHERE asset = 'view_models' ORDER BY unit")[0][0]
    for file in files:
        file.unlink()
    shutil.rmtree(project.root / trained)
    token = place / "token"
    token.write_text("7" * 64)
    token.chmod(0o600)
    settings = {
        "executor": "ray",
        "cluster.jobs": 2,
        "cluster.cpus": 1,
        "cluster.memory_gib": 0.5,
        "cluster.studies": STUDIES // 2,
    }
    environment = clean_environment() | {
        "PYTHON": sys.executable,
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token),
        "RAY_PLACE": str(place),
        "RAY_HOME": str(project.root),
        "RAY_QUESTION": QUESTION,
        "RAY_SETTINGS": shlex.join(
            part for key, value in settings.items() for part in ("--set", f"execution.{key}={value}")
        ),
    }
    done = subprocess.run(
        [*ALONE, "bash", "-c", TWO_NODES], env=environment, cwd=place, capture_output=True, text=True, check=False
    )
    if done.returncode == TOO_SLOW:
        pytest.skip("this machine is too busy: Ray's own processes did not start within its 30 seconds")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    after = project.ledger()
    made = {key for key in after if after[key] != before[key] and not key[0].startswith("check:")}
    assert len([key for key in made if key[0] == "clips"]) == STUDIES
    assert len([key for key in made if key[0] == "view_models"]) == 1
    assert {key: row.digest for key, row in after.items()} == {key: row.digest for key, row in before.items()}
    assert all(file.exists() for file in files) and (project.root / trained / "model.json").exists()
    (jobs,) = (json.loads(line[5:]) for line in done.stdout.splitlines() if line.startswith("JOBS "))
    assert sorted(job[0].split()[3] for job in jobs) == ["assets.imaging.pipes"] * 2 + ["assets.training.pipes"]
    assert all(status.endswith("SUCCEEDED") for _, status, _ in jobs)
    assert not list((project.root / "clips").glob(".tmp_*"))


@needs_ray
def test_a_cluster_that_does_not_answer_is_one_line() -> None:
    execution = Execution(executor="ray", cluster=Cluster(ray_address="http://127.0.0.1:9"))
    with pytest.raises(UserError, match="no Ray cluster answers"):
        children(execution)


@needs_ray
def test_a_job_that_trains_asks_for_gpus_and_one_that_decodes_does_not() -> None:
    from orchestration.children.ray import RayJobs

    jobs = RayJobs.__new__(RayJobs)
    jobs.cluster = Cluster(cpus=3, gpus=2, memory_gib=1.5)
    job = jobs.job(["-P", "-m", "a b"], trains=True)
    assert shlex.split(job["entrypoint"]) == [sys.executable, "-P", "-m", "a b"]
    assert (job["entrypoint_num_cpus"], job["entrypoint_memory"], job["entrypoint_num_gpus"]) == (3, 3 * 2**29, 2)
    assert "entrypoint_num_gpus" not in jobs.job([], trains=False)


# --- pods -----------------------------------------------------------------------------------------------------------


def pods(file: Path, **cluster: Any) -> Any:
    return children(Execution(executor="k8s", cluster=Cluster(pod=file, **cluster)))


@needs_k8s
def test_the_example_of_a_pod_is_one_that_dagster_k8s_starts() -> None:
    import kubernetes
    from dagster_k8s.pipes import build_pod_body

    made = pods(POD, cpus=3, gpus=1, memory_gib=2)
    body = build_pod_body("job", None, ["python", "-m", "x"], {"CHANNEL": "1"}, None, made.spec(trains=True))
    assert isinstance(body, kubernetes.client.V1Pod) and body.spec.restart_policy == "Never"
    (container,) = body.spec.containers
    assert container.command == ["python", "-m", "x"] and {one.name: one.value for one in container.env} == {
        "CHANNEL": "1"
    }
    assert container.resources.requests == {"cpu": "3", "memory": "2048Mi", "nvidia.com/gpu": "1"}
    assert container.resources.limits == {"memory": "2048Mi", "nvidia.com/gpu": "1"}
    decoding = build_pod_body("job", None, ["x"], {}, None, made.spec(trains=False))
    assert "nvidia.com/gpu" not in decoding.spec.containers[0].resources.requests


@needs_k8s
def test_dagster_k8s_accepts_the_example_as_its_own_configuration() -> None:
    from dagster_k8s.job import UserDefinedDagsterK8sConfig

    spec = yaml.safe_load(POD.read_text())
    (container,) = spec.pop("containers")
    UserDefinedDagsterK8sConfig.from_dict({"pod_spec_config": spec, "container_config": container})
    with pytest.raises(Exception, match="nonsense"):
        UserDefinedDagsterK8sConfig.from_dict({"pod_spec_config": spec | {"nonsense": 1}})


@needs_k8s
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it has no containers"),
        ("containers: [{name: one}]", "Must specify image"),
        ("containers: [{name: one, image: two}]\nnonsense: 1", "nonsense"),
        ("containers: [{", "ParserError"),
    ],
)
def test_a_specification_that_is_none_is_named(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "pod.yaml").write_text(text)
    with pytest.raises(UserError, match=words) as raised:
        pods(tmp_path / "pod.yaml")
    assert str(raised.value).startswith("execution.cluster.pod can't be used") and "\n" not in str(raised.value)


@needs_k8s
def test_a_machine_without_access_to_kubernetes_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(UserError, match="there is no access to a Kubernetes cluster"):
        pods(POD).run(context=None, command=["-m", "x"], extras={}, trains=False)


# --- whichever engine -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("executor", "library"), [("ray", "dagster_ray"), ("k8s", "dagster_k8s")])
def test_an_engine_that_is_not_installed_is_named_with_its_extra(
    executor: Any, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [library, *(name for name in sys.modules if name.startswith(f"{library}."))]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UserError, match=rf"pip install 'echomort\[{executor}\]'"):
        children(Execution(executor=executor, cluster=Cluster(pod=POD)))


def test_pods_need_a_specification() -> None:
    with pytest.raises(UserError, match=r"execution.*pod"):
        load_settings(None, {"execution.executor": "k8s"})


def test_no_library_of_an_engine_is_loaded_unless_it_is_asked_for() -> None:
    code = (
        "import sys, orchestration.definitions; from orchestration.children import children; "
        "from echomort.settings import Execution; children(Execution()); "
        "assert not {'ray', 'dagster_ray', 'dagster_k8s', 'kubernetes', 'cryptography'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=clean_environment())


@pytest.mark.parametrize("module", ["assets.imaging.pipes", "assets.training.pipes"])
def test_a_job_needs_no_database(module: str) -> None:
    code = f"import sys, {module}; assert not {{'duckdb', 'dagster', 'torch'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, env=clean_environment())


def test_a_job_on_a_cluster_is_a_view_or_many_studies() -> None:
    here, cluster = Execution(), Execution(executor="ray", cluster=Cluster(studies=700))
    assert (CLIPS.batch_size(here), CLIPS.batch_size(cluster)) == (256, 700)
    assert (VIEW_MODELS.batch_size(here), VIEW_MODELS.batch_size(cluster)) == (64, 1)


class Channel:
    """Stands for the channel of a job to its step."""

    def __init__(self, **extras: Any) -> None:
        self.extras, self.said = extras, []

    def __enter__(self) -> "Channel":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def report_custom_message(self, message: Any) -> None:
        self.said.append(message)


class OtherMachine:
    """Stands for a cluster: its job begins in this process, on ``task``."""

    on_cluster = True

    def __init__(self, task: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.task, self.monkeypatch, self.worked = task, monkeypatch, False

    def run(self, context: Any, command: Any, extras: dict[str, Any], trains: bool) -> list[Any]:
        channel = Channel(**extras)
        self.monkeypatch.setattr(child, "open_dagster_pipes", lambda: channel)
        do_as_child([self.task], self.work)
        return channel.said

    def work(self, pipes: Any) -> None:
        self.worked = True


@pytest.mark.parametrize(
    ("has_home", "has_same", "words"),
    [
        (True, True, None),
        (False, True, "does not have the project's home"),
        (True, False, "has another echomort"),
    ],
)
def test_a_machine_without_the_home_or_with_another_installation_refuses_to_work(
    has_home: bool, has_same: bool, words: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = tmp_path / "home" / "task.json"
    if has_home:
        task.parent.mkdir()
        task.touch()
    if not has_same:
        monkeypatch.setattr(child, "installation_digest", lambda: "another")
    machine = OtherMachine(task, monkeypatch)
    context: Any = SimpleNamespace(resources=SimpleNamespace(pipes=machine))
    if words is None:
        run_child(context, [])
    else:
        with pytest.raises(UserError, match=words):
            run_child(context, [])
    assert machine.worked == (words is None)


class Jobs:
    """Stands for a cluster: does the task of a decoding job in this process, and keeps what the job was given."""

    on_cluster = True

    def run(self, context: Any, command: list[str], extras: dict[str, Any], trains: bool) -> list[Any]:
        task = Path(command[-1])
        self.given = [*map(str.encode, command), repr(extras).encode()]
        self.given += [file.read_bytes() for file in task.parent.iterdir()]
        decode_file(task, context.log.info)
        return []


@pytest.mark.slow
def test_a_job_makes_the_same_clips_and_is_given_no_name_of_the_archive(project: Home) -> None:
    opened = Project(home=str(project.root))
    with opened.reader() as connection:
        known = ledger.entries(connection, "clips")
    units = sorted(unit for unit, entry in known.items() if entry.artifact)[:STUDIES]
    for unit in units:
        (project.root / str(known[unit].artifact)).unlink()
    jobs = Jobs()
    context: Any = SimpleNamespace(log=SimpleNamespace(info=lambda _: None), resources=SimpleNamespace(pipes=jobs))
    made = CLIPS.work(opened, units, context)
    assert {one.unit: one.digest for one in made} == {unit: known[unit].digest for unit in units}
    names = {part.encode() for name in vault.recall_all(opened.vault, "folder").values() for part in name.split("/")}
    assert len(names) > STUDIES and len(jobs.given) == 4 + 1 + 2  # command, extras, the task and its table of files
    assert [name for name in names if any(name in one for one in jobs.given)] == []


def test_the_names_of_folders_can_be_read_with_the_key_alone() -> None:
    sealed = seal("DOE^JANE/1", Keyring(b"k" * 32))
    assert "DOE" not in sealed and unseal(sealed, Keyring(b"k" * 32)) == "DOE^JANE/1"
    with pytest.raises(UserError, match="another key"):
        unseal(sealed, Keyring(b"l" * 32))


def test_an_installation_is_the_same_until_a_file_changes(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "echomort", tmp_path / "echomort", ignore=shutil.ignore_patterns("__pycache__"))
    code = "from echomort.core.installed import installation_digest as d; print(d())"

    def digest() -> str:
        environment = clean_environment() | {"PYTHONPATH": str(tmp_path)}
        return subprocess.run(
            [sys.executable, "-P", "-c", code], env=environment, check=True, capture_output=True, text=True
        ).stdout.strip()

    assert digest() == installation_digest()
    with (tmp_path / "echomort/version.py").open("a") as file:
        file.write("# changed\n")
    assert digest() != installation_digest()


def test_a_cluster_trains_as_much_at_a_time_as_it_has_jobs_and_one_machine_as_before() -> None:
    cluster = Execution(executor="ray", cluster=Cluster(jobs=6))
    with dg.instance_for_test() as instance:
        pools = instance.event_log_storage

        def slots() -> int:
            return pools.get_concurrency_info(TRAINING).slot_count

        default = slots()
        for execution, expected in ((cluster, 6), (cluster, 6), (Execution(), default)):
            fit_trainings(instance, execution)
            assert slots() == expected
        pools.set_concurrency_slots(TRAINING, 2)
        for execution, expected in ((Execution(), 2), (cluster, 6), (Execution(), 2)):
            fit_trainings(instance, execution)
            assert slots() == expected
