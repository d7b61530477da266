"""The program as an ordinary Pulumi program: `pulumi up` with the engine's own language host, without hubstack."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from hubstack import project
from hubstack.chart.merge import merge_files
from hubstack.engine import environment
from tests import needs
from tests.engine import former_state
from tests.engine.conftest import PROJECT, Machine
from tests.engine.faults import leaks
from tests.engine.faults.test_leaks import LINES, MORE, PLANTED, VALUES
from tests.engine.live import specs

NAME = "plain"
NAMESPACE = "jhub-plain"


@dataclass(frozen=True)
class Project:
    """Somebody's checkout with a stack and a backend of their own."""

    folder: Path
    backend: Path
    variables: dict[str, str]

    def pulumi(self, *arguments: str) -> tuple[int, str]:
        """Exit code and output of a command of the engine."""
        command = ["pulumi", *arguments, "--stack", NAME, "--non-interactive", "--color=never"]
        done = subprocess.run(
            command, cwd=self.folder, env=self.variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        return done.returncode, done.stdout

    def state(self) -> dict[str, Any]:
        """The state, secrets in the open."""
        command = ["pulumi", "stack", "export", "--show-secrets", "--stack", NAME]
        done = subprocess.run(command, cwd=self.folder, env=self.variables, capture_output=True, text=True, check=True)
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def put(self, state: dict[str, Any]) -> None:
        """Put another state in its place."""
        command = ["pulumi", "stack", "import", "--stack", NAME]
        given = json.dumps(state)
        subprocess.run(command, cwd=self.folder, env=self.variables, input=given, text=True, check=True)

    def changes(self, verb: str) -> dict[str, int]:
        """What an operation changed."""
        code, output = self.pulumi(verb, "--yes", "--skip-preview")
        assert code == 0, output
        newest = max((self.backend / ".pulumi" / "history" / PROJECT / NAME).glob("*.history.json"))
        found: dict[str, int] = json.loads(newest.read_text())["resourceChanges"]
        return found


PROXY_TOKEN = "5e47" * 16


@pytest.fixture(params=["native", pytest.param("helm", marks=pytest.mark.long)])
def plain(
    machine: Machine, root: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Project]:
    """A stack that only the engine knows; skips where the engine has no host for programs in Python."""
    host = environment.language_host(machine.tools)
    if host is None:
        needs.skip("language-host", "pulumi-language-python is neither on PATH nor beside pulumi")
    config: dict[str, Any] = {
        "mode": request.param,
        "kubeContext": machine.cluster.context,
        "kubeconfig": str(machine.cluster.kubeconfig),
        "namespace": NAMESPACE,
        "protectData": "false",
    }
    if request.param == "helm":
        config["chart"] = {"path": str(project.mirrored_chart("4.4.0"))}
    document = {"config": {f"hubstack:{key}": value for key, value in config.items()}}
    (root / f"Pulumi.{NAME}.yaml").write_text(yaml.safe_dump(document))
    backend = tmp_path_factory.mktemp("backend")
    variables = {
        **os.environ,
        **environment.engine_environment(machine.tools),
        "PULUMI_BACKEND_URL": f"file://{backend}",
        "PULUMI_CONFIG_PASSPHRASE": "of a test",
    }
    for ours in ("PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_IGNORE_AMBIENT_PLUGINS"):
        variables.pop(ours, None)
    # As in a shell whose virtual environment is active: the host runs the first Python that it finds.
    variables["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), variables["PATH"], str(host.parent)])
    made = Project(root, backend, variables)
    assert made.pulumi("stack", "init")[0] == 0
    yield made
    made.pulumi("destroy", "--yes", "--skip-preview")


def test_up_again_and_a_lost_state(plain: Project) -> None:
    """`pulumi up` deploys, again changes nothing, and with another, empty backend refuses each object that is there."""
    assert set(plain.changes("up")) == {"create"}
    assert set(plain.changes("up")) <= {"same", "read"}
    stacks = plain.backend / ".pulumi" / "stacks" / PROJECT
    kept = (stacks / f"{NAME}.json").read_bytes()
    for file in stacks.glob(f"{NAME}.json*"):
        file.unlink()
    assert plain.pulumi("stack", "init")[0] == 0
    code, output = plain.pulumi("up", "--yes", "--skip-preview")
    assert code != 0
    assert 'Namespace "jhub-plain": in the cluster already, and unknown to the state of stack plain.' in output
    (stacks / f"{NAME}.json").write_bytes(kept)
    assert set(plain.changes("up")) <= {"same", "read"}


def test_a_state_of_an_earlier_version(machine: Machine, plain: Project) -> None:
    """A preview and an update are refused, neither cluster nor tokens change; once moved, nothing is to be done."""
    plain.changes("up")
    before = specs(machine, NAMESPACE)
    former = former_state.former(plain.state())
    plain.put(former)
    file = plain.folder / f"Pulumi.{NAME}.yaml"
    unchanged = file.read_text()
    values = "  hubstack:values: {proxy: {service: {annotations: {not: yet}}}}"
    file.write_text(unchanged.replace("config:\n", f"config:\n{values}\n"))
    for arguments in (("preview",), ("up", "--yes", "--skip-preview")):
        code, output = plain.pulumi(*arguments)
        assert code != 0
        assert f"`hubstack up --stack {NAME}` moves the key, and no token changes" in output
    file.write_text(unchanged)
    assert specs(machine, NAMESPACE) == before
    left = plain.state()
    assert former_state.drawn(left) == former_state.drawn(former)
    command = [sys.executable, "-m", "hubstack", "move-token-key"]
    done = subprocess.run(command, input=json.dumps(left), capture_output=True, text=True, check=True)
    plain.put(json.loads(done.stdout))
    assert set(plain.changes("up")) <= {"same", "read"}
    assert specs(machine, NAMESPACE) == before
    assert former_state.key_id(former) not in json.dumps(plain.state())


def test_secrets_of_a_values_file_stay_closed(machine: Machine, plain: Project) -> None:
    """Plain-text secrets of a values file reach the cluster, and neither previews, outputs, state nor history."""
    stack = plain.folder / f"Pulumi.{NAME}.yaml"
    native = "hubstack:mode: native" in stack.read_text()
    given = merge_files((VALUES, {"proxy": {"secretToken": PROXY_TOKEN}}, MORE if native else {}))
    file = plain.folder / "canaries.yaml"
    file.write_text(yaml.safe_dump(given, allow_unicode=True))
    settings = "config:\n  hubstack:valuesFiles: [canaries.yaml]\n"
    stack.write_text(stack.read_text().replace("config:\n", settings))
    secrets = {**PLANTED, **LINES, "token of the proxy": PROXY_TOKEN}
    said = [plain.pulumi("preview", "--diff"), plain.pulumi("up", "--yes", "--diff")]
    file.write_text(file.read_text().replace("client_id: hub", "client_id: another"))
    said += [plain.pulumi(*verb, "--diff") for verb in (("preview",), ("up", "--yes"), ("refresh", "--yes"))]
    said += [plain.pulumi("stack", "export"), plain.pulumi("stack", "output"), plain.pulumi("stack", "history")]
    assert [text for code, text in said if code] == []
    path = f"/api/v1/namespaces/{NAMESPACE}/secrets/hub"
    deployed = base64.b64decode(machine.cluster.client().get(path)["data"]["values.yaml"]).decode()
    assert PLANTED["client secret"] in deployed
    assert "[secret]" in said[0][1]
    assert "GitHubOAuthenticator.client_secret" in said[0][1]  # the warning about plain text
    assert [leaks.in_text(text, secrets) for _, text in said] == [[]] * len(said)
    assert leaks.below(plain.backend, secrets) == []


RULE = {"name": "cull", "reason": "Because", "fix": "Mend it"}


def test_policies_as_a_pack(plain: Project, tmp_path: Path) -> None:
    """The engine asks the project's policies by a pack: what blocks ends a preview and an update, and makes nothing."""
    pack = tmp_path / "pack"
    subprocess.run([sys.executable, "-m", "hubstack", "policy", "pack", str(pack)], check=True, capture_output=True)
    file = plain.folder / "policies.yaml"
    own = [{**RULE, "require": "settings.cull.enabled && config.namespace == 'jhub-plain' && !stack.production"}]
    warned = {**RULE, "name": "kinds", "each": "object", "level": "warn", "require": "object.kind != 'ConfigMap'"}
    file.write_text(yaml.safe_dump({"policies": [*own, warned]}))
    code, output = plain.pulumi("preview", "--policy-pack", str(pack))
    assert code == 0, output
    assert "[advisory]  kinds" in output
    assert "ConfigMap/hub: Because. Mend it." in output
    file.write_text(yaml.safe_dump({"policies": [{**RULE, "require": "!settings.cull.enabled"}]}))
    for arguments in (("preview",), ("up", "--yes", "--skip-preview")):
        code, output = plain.pulumi(*arguments, "--policy-pack", str(pack))
        assert code != 0
        assert "[mandatory]  cull" in output
    assert [each["type"] for each in plain.state()["deployment"].get("resources", [])] in ([], ["pulumi:pulumi:Stack"])
    file.write_text("policies: [{name: cull}]")
    code, output = plain.pulumi("preview", "--policy-pack", str(pack))
    assert code != 0
    assert "policies.yaml:1: policies[0]: 'fix' is missing" in output
