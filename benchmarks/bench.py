"""Ratios, side by side in one run, on the embedded cluster: ``make bench``.

Single figures of a shared machine say little; each pair of commands is run alternately, and what counts is the ratio of
their medians.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import fleet, review
from hubstack import project, toolchain
from hubstack.chart.release import CHART_VERSION
from hubstack.cluster import Cluster, make_cluster
from hubstack.commands import session
from hubstack.engine.environment import ENGINE_TOOLS
from hubstack.lifecycle.updates import Updater
from hubstack.project import stacks
from tests import charts

CONSOLE = Console()
IMPORTS = "import hubstack.commands.main, hubstack.manifests"
BATCH = 100
"""Values files that are rendered in one process."""
SDK_PROGRAM = """
import pulumi
import pulumi_kubernetes as k
(k.apps.v1.Deployment, k.apps.v1.DaemonSet, k.apps.v1.StatefulSet, k.core.v1.Secret, k.core.v1.Service, k.rbac.v1.Role,
 k.networking.v1.NetworkPolicy, k.networking.v1.Ingress, k.policy.v1.PodDisruptionBudget, k.storage.v1.StorageClass,
 k.scheduling.v1.PriorityClass)
"""
NATIVE_PROGRAM = """
import pulumi
class Mocks(pulumi.runtime.Mocks):
    def new_resource(self, args):
        status = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}
        return args.name, {**args.inputs, "hex": "ab" * 32, "output": {"key": "ab" * 32}, "status": status}
    def call(self, args):
        return {}
pulumi.runtime.set_mocks(Mocks(), project="hubstack", stack="dev")
from hubstack import JupyterHub, settings
from hubstack.components.program import jupyterhub_args
args = jupyterhub_args(settings.parse({"kubeContext": "none"}, set()))
@pulumi.runtime.test
def program():
    return JupyterHub("jupyterhub", args).url
program()
"""


def seconds(action: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def cpu_seconds(program: str) -> float:
    """CPU seconds of a Python program in a process of its own, from the project's folder."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", program], cwd=project.ROOT, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def compare(title: str, runs: int, target: str, **measures: Callable[[], float]) -> list[list[str]]:
    """Run the measures alternately and return one row for each, with its ratio to the last one."""
    taken: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(runs):
        for name, measure in measures.items():
            taken[name].append(measure())
    base = statistics.median(list(taken.values())[-1])
    rows = []
    for name, figures in taken.items():
        middle = statistics.median(figures)
        spread = f"{min(figures):.2f} to {max(figures):.2f}"
        rows.append([title, name.replace("_", " "), f"{middle:.2f} s", spread, f"{middle / base:.2f}", target])
        title = target = ""
    return rows


def updater(found: toolchain.Tools, mode: str, machine: Cluster) -> Updater:
    """An updater of the bench's own stack in a mode."""
    stack = stacks.select("dev", mode=mode, context=machine.context, kubeconfig=machine.kubeconfig)
    return Updater(stack, session.engine_environment(found), Console(quiet=True))


def helm_install(helm: Path, machine: Cluster, chart: Path) -> None:
    """``helm install --wait`` of the chart with default values."""
    options = ["--kubeconfig", str(machine.kubeconfig), "--kube-context", machine.context, "-n", "bench-helm"]
    subprocess.run(
        [helm, "install", "bench", chart, *options, "--create-namespace", "--wait"], check=True, capture_output=True
    )


def helm_uninstall(helm: Path, machine: Cluster) -> None:
    """Undo `helm_install`."""
    options = ["--kubeconfig", str(machine.kubeconfig), "--kube-context", machine.context, "-n", "bench-helm"]
    subprocess.run([helm, "uninstall", "bench", *options, "--wait"], check=True, capture_output=True)


def values_files() -> list[Path]:
    """The values files of the mirror."""
    mirror = project.mirror()
    files = sorted((mirror / "values" / "dev").glob("*.yaml")) if mirror else []
    if not files:
        raise SystemExit("the benchmark needs the folder values/dev of the mirror: set HUBSTACK_MIRROR")
    return files


def real_chart() -> Path:
    """The real chart: a stand-in would be measured in its place."""
    found = charts.real(CHART_VERSION)
    if found is None:
        raise SystemExit(
            f"the benchmark compares with the real chart, and jupyterhub-{CHART_VERSION}.tgz is neither in the folder "
            "charts/ of the mirror (HUBSTACK_MIRROR) nor in Helm's cache"
        )
    return found


def review_rows(runs: int) -> list[list[str]]:
    """A review of many stacks against Helm."""
    chart = real_chart()
    helm = toolchain.ensure(("helm",), progress=CONSOLE)["helm"]
    return review.rows(runs, helm, chart, values_files(), compare, seconds)


def manifests_rows(runs: int) -> list[list[str]]:
    """Rendering without engine and cluster: many values files in one process, and one file, against Helm."""
    chart, files = real_chart(), values_files()
    helm = toolchain.ensure(("helm",), progress=CONSOLE)["helm"]
    hubstack = Path(sys.executable).with_name("hubstack")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in").mkdir()
        for index in range(BATCH):
            shutil.copy(files[index % len(files)], folder / "in" / f"{index}.yaml")
        one = str(folder / "in" / "0.yaml")
        batch = [hubstack, "manifests", "--placeholder-tokens", "--batch", folder / "in", "--output", folder / "out"]

        def run(*command: object) -> None:
            subprocess.run([str(word) for word in command], check=True, capture_output=True)

        def helm_one_by_one() -> None:
            for file in sorted((folder / "in").glob("*.yaml")):
                run(helm, "template", "jhub", chart, "--values", file)

        return [
            *compare(
                f"{BATCH} values files",
                runs,
                "<= 0.67",
                manifests__batch=lambda: seconds(lambda: run(*batch)),
                helm_template_each=lambda: seconds(helm_one_by_one),
            ),
            *compare(
                "one values file",
                runs * 2,
                "",
                manifests=lambda: seconds(lambda: run(hubstack, "manifests", "--placeholder-tokens", "--values", one)),
                python_and_imports_alone=lambda: seconds(
                    lambda: run(sys.executable, "-c", "import hubstack.manifests")
                ),
                helm_template=lambda: seconds(lambda: run(helm, "template", "jhub", chart, "--values", one)),
            ),
        ]


def main() -> None:
    """Measure everything and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="runs of each command (default: 5)")
    runs = parser.parse_args().runs
    real_chart()  # without it, most of the work would be in vain
    rows = compare(
        "program CPU",
        runs * 2,
        "<= 1.5",
        our_program=lambda: cpu_seconds(NATIVE_PROGRAM),
        generated_SDK_alone=lambda: cpu_seconds(SDK_PROGRAM),
    )
    rows += manifests_rows(runs)
    rows += review_rows(runs)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HUBSTACK_STATE_DIR"] = folder
        found = toolchain.ensure((*ENGINE_TOOLS, *session.CLUSTER_TOOLS["sim"], "helm"), progress=CONSOLE)
        machine = make_cluster("sim", Path(folder) / "cluster" / "sim")
        machine.up(found, CONSOLE)
        try:
            rows += _on_cluster(found, machine, runs)
        finally:
            machine.delete()
    rows += fleet.rows(30, found)
    table = Table("what", "variant", "median", "range", "ratio", "target")
    for row in rows:
        table.add_row(*row)
    CONSOLE.print(table)


def _on_cluster(found: toolchain.Tools, machine: Cluster, runs: int) -> list[list[str]]:
    chart = real_chart()
    times: dict[str, list[float]] = {"native": [], "helm": [], "install": []}
    for _ in range(runs):
        for mode in ("native", "helm"):
            times[mode].append(updater(found, mode, machine).up().seconds)
            updater(found, mode, machine).destroy()
        times["install"].append(seconds(lambda: helm_install(found["helm"], machine, chart)))
        helm_uninstall(found["helm"], machine)
    rows = [
        *_row("up from nothing", "native", times["native"], times["helm"]),
        *_row("", "helm mode", times["helm"], times["helm"]),
        *_row("", "helm install --wait", times["install"], times["helm"]),
    ]
    native, helm = updater(found, "native", machine), updater(found, "helm", machine)
    native.up()
    helm.up()
    rows += compare(
        "preview without changes",
        runs,
        "<= 1.3",
        native=lambda: native.preview().seconds,
        helm_mode=lambda: helm.preview().seconds,
    )
    return rows


def _row(title: str, name: str, figures: list[float], base: list[float]) -> list[list[str]]:
    middle = statistics.median(figures)
    spread = f"{min(figures):.2f} to {max(figures):.2f}"
    return [[title, name, f"{middle:.2f} s", spread, f"{middle / statistics.median(base):.2f}", ""]]


if __name__ == "__main__":
    main()
