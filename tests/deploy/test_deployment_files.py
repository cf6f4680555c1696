"""The files of deploy/ can be read by what they are for, and name only what the product has."""

import importlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from commands import accepts

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
HELM: dict[str, Any] = yaml.safe_load((DEPLOY / "helm/values.yaml").read_text())
DOCKERFILE = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {name: one for name, one in SERVICES.items() if one["image"] == "echomort"}


def graph_of(arguments: list[str]) -> str:
    """Return the module that ``-m`` names among the options of Dagster's commands."""
    return arguments[len(arguments) - 1 - arguments[::-1].index("-m") + 1]


def test_the_reader_of_options_refuses_what_does_not_exist() -> None:
    for wrong in (["python", "-m", "orchestration.daemon", "run", "--nonsense", "1"], ["echomort", "nosuch"]):
        with pytest.raises((click.UsageError, AssertionError)):
            accepts(wrong)


@pytest.mark.parametrize("name", sorted(OURS))
def test_a_service_runs_a_command_that_exists_and_is_confined(name: str) -> None:
    service = OURS[name]
    accepts(service["command"])
    if "healthcheck" in service:
        accepts(service["healthcheck"]["test"][1:])
    assert service["read_only"] and service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    others = [volume for volume in service["volumes"] if not volume.startswith("home:")]
    assert all(volume.endswith(":ro") for volume in others)
    assert (name == "code") == bool(others) == ("secrets" in service), "one service sees the archive and the key"


def test_ports_are_published_on_this_machine_only_and_nothing_else_has_a_way_out() -> None:
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert ports == {"webserver": ["127.0.0.1:3000:3000"]}
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    assert [name for name, one in SERVICES.items() if "outside" in one["networks"]] == ["webserver"]


def test_what_compose_asks_for_is_in_its_example() -> None:
    asked = set(re.findall(r"\$\{(\w+):\?", (DEPLOY / "compose.yaml").read_text()))
    named = set(re.findall(r"^(\w+)=", (DEPLOY / "example.env").read_text(), re.MULTILINE))
    assert asked == named
    (server,) = (one["grpc_server"] for one in yaml.safe_load((DEPLOY / "workspace.yaml").read_text())["load_from"])
    assert server["host"] in SERVICES and str(server["port"]) in SERVICES[server["host"]]["command"]
    with_variable = yaml.safe_load((DEPLOY / "dagster.yaml").read_text())["storage"]["postgres"]["postgres_url"]["env"]
    assert all(with_variable in service["environment"] for service in OURS.values())


def test_the_image_is_made_of_files_that_exist_and_of_no_library_under_the_gpl() -> None:
    copied = re.findall(r"^COPY (?!--from)(?:--\S+ )?(.*) \S+$", DOCKERFILE, re.MULTILINE)
    sources = [name for line in copied for name in line.split()]
    assert len(sources) > 5 and [name for name in sources if not (ROOT / name).exists()] == []
    sent = re.findall(r"^!(.*)$", (DEPLOY / "Dockerfile.dockerignore").read_text(), re.MULTILINE)
    assert [name for name in sources if name.partition("/")[0] not in sent] == []
    (extras,) = re.findall(r"'\.\[(.*)\]'", DOCKERFILE)
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(extras.split(",")) <= set(known) and not {"video", "dev", "bench"} & set(extras.split(","))
    assert re.search(r"^USER 10001:10001$", DOCKERFILE, re.MULTILINE)


def test_the_values_for_the_chart_name_what_the_image_has() -> None:
    (code,) = HELM["dagster-user-deployments"]["deployments"]
    accepts(["python", "-m", "dagster", "api", "grpc", "-h", "0.0.0.0", "-p", "3030", *code["dagsterApiGrpcArgs"]])
    launcher = HELM["runLauncher"]["config"]["customRunLauncher"]
    assert hasattr(importlib.import_module(launcher["module"]), launcher["class"])
    assert {HELM[name]["image"]["repository"] for name in ("dagsterWebserver", "dagsterDaemon")} == {"echomort"}
    assert code["securityContext"]["readOnlyRootFilesystem"] and code["podSecurityContext"]["runAsUser"] == 10001
    mounted = {mount["name"] for mount in code["volumeMounts"]}
    assert mounted == {volume["name"] for volume in code["volumes"]}
    assert next(one for one in code["volumeMounts"] if one["name"] == "archive")["readOnly"] is True
    assert HELM["dagsterWebserver"]["service"]["type"] == "ClusterIP" and "ingress" not in HELM
    assert HELM["telemetry"]["enabled"] is False


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_runs_a_command_that_exists_on_this_machine_only(unit: Path) -> None:
    lines = unit.read_text().splitlines()
    starts = [line.partition("=")[2] for line in lines if line.startswith(("ExecStart=", "ExecStartPre="))]
    commands = [shlex.split(start) for start in starts]
    assert len(commands) == 2
    for command in commands:
        accepts(command)
    assert graph_of(commands[1]) == "orchestration.definitions"
    assert "-h" not in commands[1] or commands[1][commands[1].index("-h") + 1] == "127.0.0.1"
    assert {"ProtectSystem=strict", "ReadOnlyPaths=/archive/echo /extract /etc/echomort"} <= set(lines)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_accepts_a_unit(unit: Path, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze (Debian: systemd)")
    copy = tmp_path / unit.name
    here = {"/opt/echomort/bin/python": sys.executable, "/opt/echomort/bin/echomort": "/bin/true"}
    copy.write_text(re.sub("|".join(here), lambda found: here[found[0]], unit.read_text()))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", copy], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def batch(tmp_path: Path, program: str) -> tuple[list[str], dict[str, str]]:
    """Return the command of the batch script whose Python is a stand-in, and its environment."""
    stand_in = tmp_path / "python"
    stand_in.write_text(f'#!/bin/bash\necho "$@" >>{tmp_path}/calls\n{program}\n')
    stand_in.chmod(0o755)
    command = ["bash", str(DEPLOY / "slurm/run.sbatch"), str(tmp_path / "home"), "site.yaml"]
    return command, os.environ | {"ECHOMORT_PYTHON": str(stand_in)}


def test_the_batch_script_runs_the_graph_and_then_says_what_is_up_to_date(tmp_path: Path) -> None:
    command, environment = batch(tmp_path, "exit 0")
    subprocess.run(command, env=environment, check=True)
    calls = (tmp_path / "calls").read_text().splitlines()
    assert len(calls) == 2 and " run " in calls[0] and " status " in calls[1]
    for call in calls:
        assert call.startswith("-P -m orchestration.cli ")
        accepts(["echomort", *call.split()[3:]])


def test_the_batch_script_ends_as_the_run_does(tmp_path: Path) -> None:
    command, environment = batch(tmp_path, "exit 2")
    assert subprocess.run(command, env=environment, check=False).returncode == 2


def test_a_run_that_is_out_of_time_is_asked_to_end_and_waited_for(tmp_path: Path) -> None:
    ending = f"trap 'sleep 0.3; touch {tmp_path}/ended; exit 2' TERM"
    program = f"{ending}\ntouch {tmp_path}/begun\nwhile true; do sleep 0.05; done"
    command, environment = batch(tmp_path, program)
    running = subprocess.Popen(command, env=environment)
    while not (tmp_path / "begun").exists():
        assert running.poll() is None
    running.send_signal(signal.SIGTERM)
    assert running.wait(timeout=20) != 0 and (tmp_path / "ended").exists()


def cluster(tmp_path: Path, ending: str) -> tuple[list[str], dict[str, str]]:
    """Return the command of the batch script of a cluster, whose programs are stand-ins, and its environment; the run
    ends with the line ``ending`` of a shell."""
    programs = {
        "scontrol": "printf 'node1\\nnode2\\nnode3\\n'",
        "srun": 'case "$*" in *hostname*) echo 10.0.0.1;; *) exec sleep 60;; esac',
        "python": f'case "$*" in *"start --head"*) exec sleep 60;; *" run "*) {ending};; esac',
    }
    for name, program in programs.items():
        file = tmp_path / name
        token = 'stat -c %a "$RAY_AUTH_TOKEN_PATH"' if name == "python" else "echo"
        file.write_text(f'#!/bin/bash\necho "{name} $@ token $({token})" >>{tmp_path}/calls\n{program}\n')
        file.chmod(0o755)
    variables = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "ECHOMORT_PYTHON": str(tmp_path / "python"),
        "ECHOMORT_HEAD_SECONDS": "0.2",
        "SLURM_JOB_NODELIST": "node[1-3]",
        "SLURM_JOB_NUM_NODES": "3",
        "SLURM_CPUS_PER_TASK": "8",
    }
    return ["bash", str(DEPLOY / "slurm/ray.sbatch"), str(tmp_path / "home"), "site.yaml"], os.environ | variables


def test_the_batch_script_of_a_cluster_starts_ray_on_all_nodes_and_one_run_on_it(tmp_path: Path) -> None:
    command, environment = cluster(tmp_path, "sleep 0.5")
    subprocess.run(command, env=environment, check=True, timeout=50)
    calls = [line.partition(" token ")[::2] for line in (tmp_path / "calls").read_text().splitlines()]
    assert {token for call, token in calls if call.startswith("python")} == {"600"}, "the token is its owner's alone"
    assert not (tmp_path / "home/.ray_token").exists()
    done = [call.split() for call, _ in calls]
    (head,) = (call[call.index("start") :] for call in done if "--head" in call)
    (node,) = (call for call in done if "--address=10.0.0.1:6379" in call)
    assert {"--nodes=2", "--ntasks=2", "--exclude=node1"} <= set(node)
    runs = [call[4:] for call in done if call[3:4] == ["orchestration.cli"]]
    assert [call[0] for call in runs] == ["run", "status"]
    assert {"execution.executor=ray", "execution.cluster.cpus=4", "execution.cluster.jobs=6"} <= set(runs[0])
    for call in runs:
        accepts(["echomort", *call])
    scripts = pytest.importorskip("ray.scripts.scripts", reason="needs extra ray")
    for options in (head, node[node.index("start") :]):
        scripts.start.make_context("start", options[1:])


def test_the_batch_script_of_a_cluster_ends_as_the_run_does_and_leaves_nothing(tmp_path: Path) -> None:
    command, environment = cluster(tmp_path, "exit 2")
    assert subprocess.run(command, env=environment, check=False, timeout=50).returncode == 2
    assert not (tmp_path / "home/.ray_token").exists()


@pytest.mark.parametrize("script", sorted((DEPLOY / "slurm").glob("*.sbatch")), ids=lambda script: script.stem)
def test_a_batch_script_asks_slurm_for_what_sbatch_knows(script: Path) -> None:
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0
    text = script.read_text()
    options = re.findall(r"^#SBATCH --([\w-]+)(?:=(\S+))?$", text, re.MULTILINE)
    assert len(options) == text.count("#SBATCH") > 6
    assert {name for name, _ in options} <= SBATCH
    before = text.partition("set -euo")[0].splitlines()
    assert all(line.startswith("#") for line in before if line), "sbatch reads none after the first command"
    assert dict(options)["signal"] == "B:TERM@120"


SBATCH = {
    *("job-name", "nodes", "ntasks", "ntasks-per-node", "exclusive", "cpus-per-task", "mem", "time", "signal"),
    "output",
}
"""The options of sbatch that the scripts use (slurm.schedmd.com/sbatch.html)."""
