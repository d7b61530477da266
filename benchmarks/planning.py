"""`hubstack rollout plan` of many unchanged stacks against a script that learns as much: `pulumi preview` of each.

One stack is deployed; the others have copies of its state, in a backend of files, with their own names in it. The loop
of previews is measured on some of them and scaled, which is said in the table.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table

from benchmarks.fleet import FleetBench
from hubstack import toolchain
from hubstack.commands import session
from hubstack.engine import backend_files
from hubstack.engine.environment import ENGINE_TOOLS
from tests.engine.fleet_copy import PROJECT

STACKS, PREVIEWS, RUNS = 300, 5, 5
PREVIEW = "pulumi preview --non-interactive --color=never --expect-no-changes --stack"


class PlanBench:
    """A fleet of which every stack is deployed, as far as its backend knows."""

    def __init__(self, folder: Path, stacks: int, found: toolchain.Tools) -> None:
        self.bench = FleetBench(folder, 1, found)
        self.bench.rollout()
        (self._model,) = self.bench.names
        copy = self.bench.copy
        self.names = [f"site-{number:03}" for number in range(stacks)]
        salt = yaml.safe_load((copy.state / "stacks" / self._model / f"Pulumi.{self._model}.yaml").read_text())
        model = yaml.safe_load((copy.root / f"Pulumi.{self._model}.yaml").read_text())
        for name in self.names:
            document = {**json.loads(self._renamed(json.dumps(model), name)), "encryptionsalt": salt["encryptionsalt"]}
            (copy.root / f"Pulumi.{name}.yaml").write_text(yaml.safe_dump(document))
        copy.fleet({name: {} for name in self.names}, [{"name": "all", "select": {"stack": self.names}}])
        copy.commit()
        digests = {item["stack"]: item["digest"] for item in self._plan()["items"]}
        for name in self.names:
            self._deploy(name, digests[name])
        actions = {item["action"] for item in self._plan()["items"]}
        if actions != {"skip"}:
            raise SystemExit(f"the copies are not unchanged: {actions}")

    def plan(self) -> float:
        """Seconds of one plan of all stacks, the start of the command included."""
        started = time.perf_counter()
        self._run(sys.executable, "-m", "hubstack", "rollout", "plan")
        return time.perf_counter() - started

    def previews(self, count: int) -> float:
        """Seconds of as many previews, one after the other."""
        started = time.perf_counter()
        for name in self.names[:count]:
            self._run(*PREVIEW.split(), name)
        return time.perf_counter() - started

    def _plan(self) -> Any:
        return json.loads(self._run(sys.executable, "-m", "hubstack", "rollout", "plan", "--json", may_fail=True))

    def _run(self, *command: str, may_fail: bool = False) -> str:
        root, environment = self.bench.copy.root, self.bench.environment
        done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
        if done.returncode and not may_fail:
            raise SystemExit(f"{' '.join(command)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout

    def _renamed(self, text: str, name: str) -> str:
        return text.replace(self._model, name)

    def _deploy(self, name: str, digest: str) -> None:
        """Write what the backend would have, had the stack been deployed."""
        backend = self.bench.copy.state / "backend"
        state = backend_files.state(backend, PROJECT, self._model)
        (mark,) = {
            each["outputs"]["rollout"]["digest"]
            for each in json.loads(state.read_text())["checkpoint"]["latest"]["resources"]
            if "rollout" in each.get("outputs", {})
        }
        history = backend_files.history(backend, PROJECT, self._model)[-1]
        for file in (state, history):
            target = Path(self._renamed(str(file), name))
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(self._renamed(file.read_text(), name).replace(mark, digest))

    def close(self) -> None:
        """Stop the cluster."""
        self.bench.cluster.delete()


def rows(found: toolchain.Tools, stacks: int = STACKS, previews: int = PREVIEWS, runs: int = RUNS) -> list[list[str]]:
    """Measure both on a fleet of its own."""
    folder = Path(tempfile.mkdtemp(prefix="hubstack-bench-"))
    bench = PlanBench(folder, stacks, found)
    try:
        plans = [bench.plan() for _ in range(runs)]
        bench.previews(1)  # the engine's caches are warm for both
        scaled = bench.previews(previews) * stacks / previews
        middle = statistics.median(plans)
        spread = f"{min(plans):.2f} to {max(plans):.2f}"
        loop = f"loop of pulumi preview, {previews} measured, times {stacks / previews:g}"
        each = f"{1000 * middle / stacks:.1f} ms a stack"
        return [
            [f"plan of {stacks} unchanged stacks", "hubstack rollout plan", f"{middle:.2f} s", spread, "1.00", each],
            ["", loop, f"{scaled:.0f} s", f"{scaled / stacks:.2f} s a stack", f"{scaled / middle:.0f}", ">= 100"],
        ]
    finally:
        bench.close()
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """Measure plans alone and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stacks", type=int, default=STACKS, help=f"number of stacks (default: {STACKS})")
    console = Console()
    found = toolchain.ensure((*ENGINE_TOOLS, *session.CLUSTER_TOOLS["sim"]), progress=console)
    table = Table("what", "variant", "time", "range", "ratio to plan", "target")
    for row in rows(found, parser.parse_args().stacks):
        table.add_row(*row)
    console.print(table)


if __name__ == "__main__":
    main()
