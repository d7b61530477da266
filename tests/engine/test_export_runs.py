"""Exports on real parts: the steps of the workflow are run by bash against a real API server and the real engine.

What this does not show is GitHub's: that a matrix starts a job for each entry, that secrets and outputs get to where
the expressions say, and that artifacts are kept. The clouds' own answers are played by a server on this machine.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.engine.conftest import Machine
from tests.engine.fleet_copy import FleetCopy
from tests.engine.test_credentials import giving, kubeconfig
from tests.unit.web_servers import ok, serve

GATE = {"type": "scheduler", "attempts": 1}
AZURE = {"azure": {"client": "0" * 36, "tenant": "1" * 36}}


class Runner:
    """As much of a runner as runs the `run` texts of jobs with the values of their matrix put in."""

    def __init__(self, copy: FleetCopy, folder: Path, secrets: dict[str, str], identity: str) -> None:
        self.copy, self.folder, self.secrets, self.identity = copy, folder, secrets, identity
        self.artifacts: list[str] = []
        (folder / "bin").mkdir(parents=True)
        gh = folder / "bin" / "gh"
        gh.write_text(f"#!/bin/sh\ncat {folder}/artifacts\n")
        gh.chmod(0o755)

    def workflow(self) -> dict[str, dict[str, Any]]:
        """The jobs of the exported workflow."""
        code, output = self.copy.run("export", "--to", "github-matrix", "--output", str(self.folder / "workflow.yml"))
        assert code == 0, output
        found: dict[str, dict[str, Any]] = yaml.safe_load((self.folder / "workflow.yml").read_text())["jobs"]
        return found

    def job(self, job: dict[str, Any]) -> tuple[bool, str]:
        """Run a job, or one for each entry of its matrix; whether all were green, and what they printed."""
        green, printed = True, ""
        for entry in job.get("strategy", {}).get("matrix", {}).get("include", [{}]):
            outputs: dict[str, dict[str, str]] = {}
            failed = False
            for step in job["steps"]:
                if step.get("if") == "steps.start.outputs.state == ''" and outputs["start"].get("state"):
                    continue
                if failed and step.get("if") != "always()":
                    continue
                if "upload-artifact" in step.get("uses", ""):
                    self.artifacts.append(self.filled(step["with"]["name"], entry, outputs))
                if "name" not in step or "run" not in step:
                    continue
                code, text, outputs[step.get("id", "")] = self.step(step, entry, outputs)
                failed, printed = failed or code != 0, printed + text
            green = green and not failed
        return green, printed

    def step(
        self, step: dict[str, Any], entry: dict[str, str], outputs: dict[str, dict[str, str]]
    ) -> tuple[int, str, dict[str, str]]:
        """Run one step's text as the runner does."""
        (self.folder / "artifacts").write_text("".join(f"{name}\n" for name in self.artifacts))
        (self.folder / "output").write_text("")
        given = {key: self.filled(str(value), entry, outputs) for key, value in step["env"].items()}
        own = {name: str(self.folder / name.lower()) for name in ("GITHUB_STEP_SUMMARY",)}
        own |= {"GITHUB_OUTPUT": str(self.folder / "output"), "RUNNER_TEMP": str(self.folder)}
        own |= {"GITHUB_REPOSITORY": "o/r", "GITHUB_RUN_ID": "7", "GITHUB_RUN_ATTEMPT": "1"}
        own |= {"ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.identity}/token?x=1", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "job"}
        environment = {**self.copy.environment(), **own, **given}
        for name in ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE"):  # the copy's own are files of its state folder
            environment.pop(name, None)
        environment["PATH"] = f"{self.folder}/bin:{environment['PATH']}"
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=self.copy.root,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        lines = (self.folder / "output").read_text().splitlines()
        return done.returncode, done.stdout, dict(line.split("=", 1) for line in lines)

    def filled(self, text: str, entry: dict[str, str], outputs: dict[str, dict[str, str]]) -> str:
        """A text with the few kinds of expressions that the workflow has."""

        def value(term: str) -> str:
            term = term.strip()
            if match := re.fullmatch(r"matrix\.(\w+)", term):
                return entry.get(match[1], "")
            if match := re.fullmatch(r"steps\.(\w+)\.outputs\.(\w+)", term):
                return outputs.get(match[1], {}).get(match[2], "")
            if term == "secrets[matrix.kubeconfig]":
                return self.secrets.get(entry["kubeconfig"], "")
            return (
                term.strip("'")
                if term.startswith("'")
                else {"github.run_attempt": "1", "github.run_id": "7"}.get(term, "")
            )

        def expression(found: re.Match[str]) -> str:
            return next((text for term in found[1].split("||") if (text := value(term))), "")

        return re.sub(r"\$\{\{(.*?)\}\}", expression, text)


def test_the_jobs_deploy_wait_and_count(machine: Machine, tmp_path: Path) -> None:
    """Two clusters, one by a login to its cloud; a stack without credentials is no failure, and its wave is not green;
    after the bake a gate that has shut stops the next wave; mended, all is green.
    """
    copy = FleetCopy.make(tmp_path / "project", tmp_path / "state")
    assert (copy.root / ".venv" / "bin" / "hubstack").exists(), "the step's command is the one of the checkout"
    # The program of the second kubeconfig gives credentials only to whoever is logged in to its cloud.
    (tmp_path / "a").mkdir()
    check = '[ "$(cat "$AZURE_FEDERATED_TOKEN_FILE")" = "of-this-job" ] || { echo "not logged in" >&2; exit 1; }'
    clouds = kubeconfig(machine, tmp_path / "a", giving(machine, tmp_path / "a", check)).read_text()
    # Another name than the embedded cluster's, whose kubeconfig Hubstack knows by itself.
    own = {"KUBECONFIG": machine.cluster.kubeconfig.read_text(), "CLOUDS": clouds}
    secrets = {name: text.replace(machine.cluster.context, "campus") for name, text in own.items()}
    stacks = {
        "exp-a": {"cluster": "one", "t": "x"},
        "exp-b": {"cluster": "two", "t": "x"},
        "exp-c": {"cluster": "one", "t": "y"},
    }
    for name in stacks:
        copy.stack(name, "campus", Path("unused"))
        file = copy.root / f"Pulumi.{name}.yaml"
        document = yaml.safe_load(file.read_text())
        del document["config"]["hubstack:kubeconfig"]
        file.write_text(yaml.safe_dump(document))
    waves = [{"name": "first", "select": "t=x", "bakeTime": "1s", "gates": [GATE]}, {"name": "then", "select": "t=y"}]
    copy.fleet(stacks, waves)
    fleet = yaml.safe_load((copy.root / "fleet.yaml").read_text())
    two = {"kubeconfigSecret": "CLOUDS", "login": AZURE}
    (copy.root / "fleet.yaml").write_text(yaml.safe_dump({**fleet, "clusters": {"two": two}}))
    copy.commit()
    with serve(ok(json.dumps({"value": "someone-else-s"}))) as cloud:
        runner = Runner(copy, tmp_path / "runner", secrets, cloud.url)
        jobs = runner.workflow()
        assert list(jobs) == ["first", "first-check", "first-bake", "first-gates", "first-baked", "then", "then-check"]

        green, printed = runner.job(jobs["first"])
        assert green, printed
        states = ["deploy.1.succeeded.first.exp-a", "deploy.1.unreachable.first.exp-b"]
        assert runner.artifacts == states, printed
        assert "ended with exit code 1: not logged in" in printed
        green, printed = runner.job(jobs["first-check"])
        assert not green
        assert "1 of 2 succeeded, 2 needed; 0 failed, 0 allowed; 1 not reached" in printed
        cloud.behaviour = ok(json.dumps({"value": "of-this-job"}))
        runner.artifacts.clear()
        for name in ("first", "first-check", "first-bake"):
            green, printed = runner.job(jobs[name])
            assert green, printed
        path = "/apis/apps/v1/namespaces/exp-b/deployments/user-scheduler"
        client = machine.cluster.client()
        quota = "/api/v1/namespaces/exp-b/resourcequotas"
        client.request("POST", quota, {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}})
        client.merge(path, {"spec": {"replicas": 5}})
        green, printed = runner.job(jobs["first-gates"])
        assert "gate scheduler: user scheduler: " in printed
        green, printed = runner.job(jobs["first-baked"])
        assert not green
        assert "1 of 2 succeeded, 2 needed; 1 failed, 0 allowed" in printed

        client.request("DELETE", f"{quota}/none")
        client.merge(path, {"spec": {"replicas": 2}})
        runner.artifacts = [name for name in runner.artifacts if not name.startswith("ask.")]
        for name in ("first-gates", "first-baked", "then", "then-check"):
            green, printed = runner.job(jobs[name])
            assert green, printed
    assert set(copy.actions().values()) == {"skip"}, "nothing is owed any more"
    assert not list(Path(os.environ.get("TMPDIR", "/tmp")).glob("tmp.*/kubeconfig")), "no kubeconfig is left behind"
