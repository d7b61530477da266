"""A project folder with stacks of its own on the embedded cluster, and the figures of what was done to them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from hubstack import project
from tests.engine.conftest import Machine
from tests.engine.faults import ledger
from tests.engine.faults.killing import Killer
from tests.engine.fleet_copy import FleetCopy

WHOLE = bool(os.environ.get("HUBSTACK_ALL_TESTS"))
"""Everything, as ``make fault-test`` asks for; without it a part that stands for the rest."""
SENTINEL = 'sentinel-9c"4e/é&'
"""A secret of the settings, with characters that each encoding writes in its own way."""
VALUES: dict[str, Any] = {
    "hub": {
        "config": {
            "JupyterHub": {"authenticator_class": "github"},
            "GitHubOAuthenticator": {"client_id": "hub", "client_secret": SENTINEL},
        }
    }
}
RUNS = 3
"""How often a person runs the same command again before losing patience."""


@dataclass
class Figure:
    """What became of one fault."""

    operation: str
    fault: str
    runs: int
    """How many runs it took after the fault until the command ended well."""
    losses: list[str]


@dataclass
class FaultHarness:
    """Where stacks live and faults happen to them."""

    copy: FleetCopy
    machine: Machine
    killer: Killer
    figures: list[Figure] = field(default_factory=list)

    def write(self, name: str, mode: str, limit: int, kubeconfig: Path | None = None) -> None:
        """The files of a stack whose data is protected, as everybody's is; another limit restarts its hub."""
        cluster = self.machine.cluster
        self.copy.values(f"{name}.yaml", hub={"concurrentSpawnLimit": limit})
        files = [f"{name}.yaml"]
        self.copy.stack(name, cluster.context, kubeconfig or cluster.kubeconfig, files, mode=mode, protectData="true")

    def run(self, *arguments: str) -> tuple[int, str]:
        """Exit code and output of ``hubstack ...``, which never ends with a traceback."""
        with self.copy.command(*arguments) as running:
            output, _ = running.communicate()
        assert "Traceback" not in output, output
        return running.returncode, output

    def must(self, *arguments: str) -> str:
        """Output of a command that ends well."""
        code, output = self.run(*arguments)
        assert code == 0, output
        return output

    def refresh(self, name: str) -> str:
        """Make a stack's state say what is in the cluster; gives what that prints."""
        code = "import sys; from rich.console import Console; from hubstack.commands import session\n"
        code += "session.engine_on(sys.argv[1], Console()).updater.refresh()"
        command = [sys.executable, "-c", code, name]
        environment = self.copy.environment()
        return subprocess.run(
            command, cwd=self.copy.root, env=environment, check=True, capture_output=True, text=True
        ).stdout

    def helm(self, *arguments: str, values: Mapping[str, Any] | None = None) -> str:
        """Run Helm against the cluster."""
        cluster = self.machine.cluster
        options = ["--kubeconfig", str(cluster.kubeconfig), "--kube-context", cluster.context]
        given = ["--values", "-"] if values is not None else []
        command = [str(self.machine.tools["helm"]), *arguments, *given, *options]
        text = yaml.safe_dump(values) if values is not None else None
        return subprocess.run(command, input=text, check=True, capture_output=True, text=True).stdout

    def install(self, name: str, values: Mapping[str, Any] = VALUES) -> None:
        """A release that Helm deployed, in its second revision, with a person's volume."""
        chart = str(project.mirrored_chart("4.4.0"))
        for _ in range(2):
            self.helm("upgrade", "--install", name, chart, "-n", name, "--create-namespace", "--wait", values=values)
        self.add_home(name)

    def tokens(self, namespace: str) -> dict[str, str]:
        """The tokens in the hub's Secret, in base64."""
        found = self.data(namespace).items()
        return {name.removeprefix("token "): text for name, text in found if name.startswith("token ")}

    def add_home(self, namespace: str) -> None:
        """A person's volume, as the spawner makes it."""
        claim = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "claim-ada"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        }
        path = f"/api/v1/namespaces/{namespace}/persistentvolumeclaims"
        self.machine.cluster.client().request("POST", path, claim)

    def data(self, namespace: str) -> dict[str, str]:
        """The ledger of a namespace."""
        return ledger.data(self.machine.cluster.client(), namespace)

    def lost(self, before: Mapping[str, str], namespace: str) -> list[str]:
        """What of a ledger is gone, or another one, now."""
        return ledger.losses(before, self.data(namespace))

    def killed(self, operation: str, namespace: str, *arguments: str) -> None:
        """Run a command, kill one of its processes, run it again until it ends well; no data may be lost on the way."""
        before = self.data(namespace)
        with self.copy.command(*arguments) as running:
            fault, output = self.killer.strike(operation, running)
        assert "Traceback" not in output, output
        between = self.data(namespace)
        lost = ledger.losses(self._stays(operation, before), between)
        runs = self.again(*arguments) if running.returncode else 0
        after = self.data(namespace)
        lost += ledger.losses(self._stays(operation, between), after)
        if fault:
            self.figures.append(Figure(operation, fault, runs, lost))
        assert not lost, f"{operation}, {fault}: {lost}"

    def again(self, *arguments: str) -> int:
        """Run a command until it ends well; gives the number of runs."""
        outputs = []
        for run in range(1, RUNS + 1):
            code, output = self.run(*arguments)
            outputs.append(output)
            if code == 0:
                return run
        raise AssertionError(f"{arguments}: {RUNS} runs after the fault, each failed:\n" + "\n".join(outputs))

    @staticmethod
    def _stays(operation: str, data: Mapping[str, str]) -> dict[str, str]:
        """What an operation leaves in the cluster; of a destroyed hub the tokens stay in the stack only."""
        gone = "token " if operation == "destroy" else "nothing "
        return {name: identity for name, identity in data.items() if not name.startswith(gone)}

    def require_settled(self, name: str) -> None:
        """Fail unless another update has nothing to do, and nothing of a fault is left in the backend."""
        with self.copy.command("up", "--stack", name, "--json") as running:
            output, _ = running.communicate()
        assert running.returncode == 0, output
        facts = json.loads(output[output.rindex('{"stack"') :])
        assert facts["changed"] == 0, output
        state = json.loads(self.copy.checkpoint(name).read_text())["checkpoint"]["latest"]
        assert not state.get("pending_operations")
        assert not [each["urn"] for each in state["resources"] if each.get("delete")]
        assert not list((self.copy.state / "backend" / ".pulumi" / "locks").rglob("*.json"))
