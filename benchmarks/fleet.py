"""A rollout of many stacks against a shell loop of ``pulumi up`` and against ``xargs -P`` of it, and a look for drift
against a shell loop of ``pulumi refresh``.

The engine, the backend, the cluster, the stacks and the change are the same for all three. The loops run what a
deployer's script runs, without a preview of its own: ``pulumi up --yes --skip-preview``.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import yaml
from rich.console import Console
from rich.table import Table

from hubstack import toolchain
from hubstack.cluster import make_cluster
from hubstack.commands import session
from hubstack.engine.environment import ENGINE_TOOLS
from hubstack.fleet import rollout
from tests.engine.fleet_copy import FleetCopy

PARALLEL = 4


@dataclass
class Measured:
    """What one way to deploy all stacks took."""

    seconds: float
    cpu: float


class FleetBench:
    """A fleet on one cluster, and three ways to deploy it."""

    def __init__(self, folder: Path, stacks: int, found: toolchain.Tools) -> None:
        self.names = [f"hub-{number:02}" for number in range(stacks)]
        self.cluster = make_cluster("sim", folder / "cluster")
        self.cluster.up(found, None)
        self.copy = FleetCopy.make(folder / "project", folder / "state")
        os.environ["HUBSTACK_STATE_DIR"] = str(folder / "state")
        self.environment = {**self.copy.environment(), **rollout.environment(Console(quiet=True))}
        for name in self.names:
            self.copy.stack(name, self.cluster.context, self.cluster.kubeconfig, ["common.yaml"])
        self.copy.fleet({name: {} for name in self.names}, [{"name": "all", "select": {"stack": self.names}}])
        self._limit = 10
        self.change()

    def change(self) -> None:
        """A setting that changes the hub's Secret and restarts the hub, in every stack."""
        self._limit += 1
        self.copy.values("common.yaml", hub={"concurrentSpawnLimit": self._limit})
        self.copy.commit()

    def keep_salts(self) -> None:
        """Give the loops the salts that the stacks were encrypted with."""
        for name in self.names:
            file = self.copy.root / f"Pulumi.{name}.yaml"
            salt = yaml.safe_load((self.copy.state / "stacks" / name / file.name).read_text())["encryptionsalt"]
            file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), "encryptionsalt": salt}))
        self.copy.commit()

    def rollout(self) -> Measured:
        """``hubstack rollout up``."""
        return self._run(f"{sys.executable} -m hubstack rollout up")

    def loop(self) -> Measured:
        """One ``pulumi up`` after the other."""
        return self._run(f"for stack in {' '.join(self.names)}; do {UP} --stack $stack || exit 1; done")

    def xargs(self) -> Measured:
        """The same, as many at once as the rollout."""
        return self._run(f"printf '%s\\n' {' '.join(self.names)} | xargs -P {PARALLEL} -I@ {UP} --stack @")

    def drift(self) -> Measured:
        """``hubstack drift --fleet``."""
        return self._run(f"{sys.executable} -m hubstack drift --fleet")

    def refresh(self) -> Measured:
        """One ``pulumi refresh --preview-only`` after the other: the engine's own way to see drift."""
        return self._run(f"for stack in {' '.join(self.names)}; do {REFRESH} --stack $stack || exit 1; done")

    def _run(self, script: str) -> Measured:
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.copy.root,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"{script[:80]}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return Measured(time.perf_counter() - started, cpu)


REFRESH = "pulumi refresh --preview-only --non-interactive --color=never"
UP = "pulumi up --yes --skip-preview --non-interactive --color=never"


def rows(stacks: int, found: toolchain.Tools) -> list[list[str]]:
    """Measure everything on a fleet of its own."""
    folder = Path(tempfile.mkdtemp(prefix="hubstack-bench-"))
    bench = FleetBench(folder, stacks, found)
    try:
        bench.rollout()
        bench.keep_salts()
        bench.rollout()
        changed: dict[str, Measured] = {}
        for name in ("loop", "xargs", "rollout"):
            bench.change()
            changed[name] = getattr(bench, name)()
        unchanged = {"rollout": bench.rollout(), "loop": bench.loop()}
        looked = {"refresh": bench.refresh(), "drift": bench.drift()}
        titles = {
            "rollout": "hubstack rollout up",
            "loop": "shell loop of pulumi up",
            "xargs": f"xargs -P {PARALLEL} pulumi up",
            "drift": "hubstack drift --fleet",
            "refresh": "shell loop of pulumi refresh --preview-only",
        }
        found_rows = []
        for title, measured, ours, targets in (
            (f"{stacks} changed stacks", changed, "rollout", {"loop": ">= 2", "xargs": ">= 1.3"}),
            (f"{stacks} unchanged stacks", unchanged, "rollout", {"loop": ">= 10"}),
            (f"drift of {stacks} stacks", looked, "drift", {"refresh": ">= 3"}),
        ):
            for name, taken in sorted(measured.items(), reverse=True):
                ratio = taken.seconds / measured[ours].seconds
                cells = [title, titles[name], f"{taken.seconds:.1f} s", f"{taken.cpu / stacks:.2f} CPU s a stack"]
                found_rows.append([*cells, f"{ratio:.2f}", targets.get(name, "")])
                title = ""
        return found_rows
    finally:
        bench.cluster.delete()
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """Measure the fleet alone and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stacks", type=int, default=30, help="number of stacks (default: 30)")
    console = Console()
    names = (*ENGINE_TOOLS, *session.CLUSTER_TOOLS["sim"])
    found = rows(parser.parse_args().stacks, toolchain.ensure(names, progress=console))
    table = Table("what", "variant", "time", "CPU", "ratio to ours", "target")
    for row in found:
        table.add_row(*row)
    console.print(table)


if __name__ == "__main__":
    main()
