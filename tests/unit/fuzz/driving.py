"""What commands do with files, up to where an engine, a cluster or Helm would come in."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from hubstack import manifests, project, settings, token_file
from hubstack.chart import helm_yaml
from hubstack.chart.errors import SettingsError
from hubstack.chart.merge import merge_files
from hubstack.components.program import NAME, jupyterhub_args
from hubstack.doctor import run
from hubstack.doctor.state import EngineState
from hubstack.engine import state
from hubstack.engine.state import State
from hubstack.fleet import deployed, export, load, rollout, simulate
from hubstack.fleet.windows import wait_until
from hubstack.lifecycle import guards, lost_state, prerequisites
from hubstack.migration.split import split
from hubstack.parity import rendering
from hubstack.project import bounds, stacks
from hubstack.review import review, sources
from tests.unit.doctor.fake import FakeReader
from tests.unit.fuzz import judging, mutation, seeds

QUIET = Console(quiet=True)
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
HELM = "#!/bin/sh\ncat >/dev/null\n"
"""Stands for Helm in a review: takes any values, and makes nothing of them."""
DEPLOYED = State.read(
    {
        "resources": [
            {"type": state.PROVIDER, "inputs": {"clusterIdentifier": "east"}},
            {"type": state.NAMESPACE, "inputs": {"metadata": {"name": "hub"}}, "protect": True},
            {
                "type": state.CLAIM,
                "inputs": {
                    "metadata": {"name": "hub-db-dir"},
                    "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "fast"},
                },
                "protect": True,
            },
            {
                "type": state.STORAGE_CLASS,
                "inputs": {
                    "metadata": {"name": "safe"},
                    "provisioner": "ebs.csi.aws.com",
                    "parameters": {"type": "gp3"},
                    "reclaimPolicy": "Retain",
                    "volumeBindingMode": "Immediate",
                },
            },
        ]
    }
)
"""What an earlier update of the stack has left."""


CLUSTER: dict[str, list[Any]] = {
    "/api/v1/namespaces/hub/resourcequotas": [
        {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "5", "requests.cpu": "1", "limits.memory": "1Gi"}}}
    ],
    "/api/v1/namespaces/hub/limitranges": [
        {"metadata": {"name": "l"}, "spec": {"limits": [{"type": "Container", "max": {"cpu": "1", "memory": "1Mi"}}]}}
    ],
    "/api/v1/nodes": [
        {"metadata": {"name": "n", "labels": {"pool": "core"}}, "spec": {}, "status": {"allocatable": {"cpu": "1"}}}
    ],
    "/apis/storage.k8s.io/v1/storageclasses": [{"metadata": {"name": "fast"}, "provisioner": "p"}],
}
"""What the doctor finds in the cluster, by path."""


@dataclass(frozen=True)
class Bench:
    """A project's folder, and a folder for the revision that a review compares it with."""

    head: Path
    base: Path
    fleet_folder: Path
    """The project of a fleet, with the stacks of the fleets that mutations start from."""

    def values(self, tree: Any) -> None:
        """`manifests`, `parity` up to Helm, and the halves that `adopt` makes of a release's values."""
        file = self.head / "input.yaml"
        file.write_text(mutation.text(tree), encoding="utf-8")
        read = None
        with suppress(SettingsError):
            read = helm_yaml.load(file.read_text(encoding="utf-8"), file.name)
        if isinstance(read, dict):
            parts = split(read)
            assert merge_files([parts.public, parts.secret]) == read
        stream = manifests.to_stream(manifests.render_manifests([file], "jhub", "jhub", "1.36.1", placeholders=True))
        rendering.pair(stream, rendering.release(rendering.Input((file,))))

    def stack(self, config: Any) -> None:
        """What `preview` and `up` do before and in the program, and `doctor` without a cluster."""
        self._write(self.head, "x", config)
        errors: list[Exception] = []
        for step in (self._guarded, self._programmed, self._examined):
            try:
                step()
            except (judging.HubstackError, SettingsError) as error:
                errors.append(error)
        for error in errors:
            judging.require_clear(str(error))
        if errors:
            raise errors[0]

    def _guarded(self) -> None:
        stack = stacks.select("x")
        guards.refuse_data_loss(stack, DEPLOYED, lambda *_: [DEPLOYED.of_type(state.CLAIM)[0].inputs])
        lost_state.refuse(stack, State())
        prerequisites.find(stack)

    def _programmed(self) -> None:
        stack = stacks.select("x")
        jupyterhub_args(settings.parse(stacks.entries(stack.settings), set())).checked(NAME)

    def _examined(self) -> None:
        subject = run.gather(stacks.select("x"), EngineState())
        subject = replace(subject, reader=FakeReader(CLUSTER), version="v1.36.1")
        for check in run.CHECKS:
            for finding in run.run(check, subject) or ():
                judging.require_clear(f"{finding.what} {finding.why} {finding.fix}")

    def review(self, base: Any, head: Any) -> None:
        """`review` of two revisions of a stack, in every format; an error of either side is the stack's own."""
        for folder, config in ((self.base, base), (self.head, head)):
            self._write(folder, "x", config)
        found, redactor = review.review(self.head, "main", (), {}, QUIET)
        for form in review.FORMATS:
            review.written(found, redactor, form)
        for error in found.stacks[0].errors:
            judging.require_clear(error)

    def fleet(self, tree: Any) -> None:
        """`rollout plan`, `simulate` and `export`."""
        file = self.fleet_folder / "fleet.yaml"
        file.write_text(mutation.text(tree), encoding="utf-8")
        plan = rollout.planned(self.fleet_folder, (), QUIET)
        for item in plan.items:
            judging.require_clear(item.reason)
        json.dumps(plan.as_dict())
        read = load.the_fleet(self.fleet_folder)
        simulate.simulate(read, None, 0.1, [60.0], runs=3, seed=1)
        for target in export.TARGETS:
            export.text(read, target, export.Operator("https://git.example.org/x", "0" * 40, "", "pulumi"))
        for wave in read.waves:
            wait_until(wave.windows, NOW)

    def tokens(self, tree: Any) -> None:
        """`manifests --tokens`."""
        file = self.head / "tokens.yaml"
        file.write_text(mutation.text(tree), encoding="utf-8")
        token_file.read(file)

    def _write(self, folder: Path, name: str, config: Any) -> None:
        text = mutation.text(seeds.stack_file(config))
        (folder / f"Pulumi.{name}.yaml").write_text(text, encoding="utf-8")


@contextmanager
def bench(folder: Path) -> Iterator[Bench]:
    """A bench below a folder, with nothing around it that takes long or leaves this process."""
    made = Bench(folder / "head", folder / "base", folder / "fleet")
    for each in (made.head, made.base, made.fleet_folder):
        each.mkdir()
        (each / "Pulumi.yaml").write_text("name: hubstack\nruntime: python\n")
        (each / "values.yaml").write_text(mutation.text(seeds.RICH))
    for name in {name for fleet in seeds.fleets() for name in fleet["stacks"]}:
        made._write(made.fleet_folder, name, {"kubeContext": "east"})
    helm = folder / "helm"
    helm.write_text(HELM)
    helm.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HUBSTACK_STATE_DIR", str(folder / "state"))
        patch.setattr(project, "ROOT", made.head)
        patch.chdir(made.head)
        patch.setattr(sources, "both_sides", lambda root, reference: _both(made))
        patch.setattr(review.toolchain, "ensure", lambda *_, **__: {"helm": helm})
        backend = {"PULUMI_BACKEND_URL": f"file://{folder / 'backend'}"}  # one that no stack is in
        patch.setattr(rollout, "environment", lambda *_, **__: backend)
        patch.setattr(rollout.source, "revision", lambda root: rollout.source.Revision("c" * 40, False))
        patch.setattr(deployed, "read", lambda *_: deployed.Deployed())
        patch.setattr(lost_state.access, "of", lambda stack: None)
        patch.setattr(lost_state.api_server, "get", lambda *_: (200, {}))
        patch.setattr(lost_state.existing, "exists", lambda *_: False)
        patch.setattr(socket, "getaddrinfo", _no_network)
        patch.setattr(socket, "create_connection", _no_network)
        yield made


@contextmanager
def _both(made: Bench) -> Iterator[tuple[sources.Side, sources.Side]]:
    """Both revisions as they lie there, without git."""
    yield sources.Side(made.base, bounds.of_folder(made.base)), sources.Side(made.head, bounds.of_folder(made.head))


def _no_network(*_: Any, **__: Any) -> None:
    raise socket.gaierror(socket.EAI_AGAIN, "no network in this test")
