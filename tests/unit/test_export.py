"""The fleet for other engines: jobs and objects in the right order, and the texts that their steps run."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from hubstack import project
from hubstack.errors import HubstackError
from hubstack.fleet import export, load
from hubstack.fleet.export import scripts
from hubstack.fleet.model import Fleet

COMMIT = "0123456789012345678901234567890123456789"
OPERATOR = export.Operator("https://example.org/hubs.git", COMMIT, "s3://states", "pulumi")
EXAMPLE = project.ROOT / "docs" / "examples" / "fleet" / "fleet.yaml"


def fleet(clusters: dict[str, Any] | None = None, **first: object) -> Fleet:
    """Two staging stacks, then four."""
    labels = [{"tier": "staging" if n < 2 else "prod", "cluster": f"c{n % 2}"} for n in range(6)]
    stacks = {f"s{n}": {"labels": each} for n, each in enumerate(labels)}
    waves = [
        {"name": "staging", "select": "tier=staging", "maxParallel": 2, **first},
        {"name": "prod", "select": "tier=prod", "maxParallel": 2},
    ]
    return Fleet.model_validate({"stacks": stacks, "waves": waves, "clusters": clusters or {}})


def test_the_order_of_jobs() -> None:
    """A wave begins when the check of the one before is green, one with an approval when somebody has given it."""
    jobs = export.workflow(load.read(EXAMPLE, stack_files=False))["jobs"]
    assert {name: job.get("needs", []) for name, job in jobs.items()} == {
        "staging": [],
        "staging-check": ["staging"],
        "staging-bake": ["staging-check"],
        "staging-gates": ["staging-bake"],
        "staging-baked": ["staging-bake", "staging-gates"],
        "canary": ["staging-baked"],
        "canary-check": ["staging-baked", "canary"],
        "canary-bake": ["canary-check"],
        "canary-gates": ["canary-bake"],
        "canary-baked": ["canary-bake", "canary-gates"],
        "prod": ["canary-baked"],
        "prod-check": ["canary-baked", "prod"],
        "frozen-approval": ["prod-check"],
        "frozen": ["frozen-approval"],
        "frozen-check": ["frozen-approval", "frozen"],
    }
    assert jobs["frozen-approval"]["environment"] == {"name": "frozen"}
    assert {job["strategy"]["fail-fast"] for job in jobs.values() if "strategy" in job} == {False}


def test_each_cluster_has_its_own_credentials() -> None:
    """Its secret, its environment, its cloud; a job may have a token made for it only where there is a login."""
    login = {"azure": {"client": "0" * 36, "tenant": "1" * 36}}
    jobs = export.workflow(fleet({"c0": {"kubeconfigSecret": "ZERO", "environment": "e", "login": login}}))["jobs"]
    one, zero = jobs["staging-1"], jobs["staging-2"]
    assert one["strategy"]["matrix"] == {"include": [{"stack": "s1", "cluster": "c1", "kubeconfig": "KUBECONFIG"}]}
    assert "environment" not in one
    assert one["permissions"] == {"contents": "read", "actions": "read"}
    assert zero["strategy"]["matrix"]["include"] == [
        {
            "stack": "s0", "cluster": "c0", "kubeconfig": "ZERO", "environment": "e", "azure_client_id": "0" * 36,
            "azure_tenant_id": "1" * 36, "login": "azure",
        }
    ]  # fmt: skip
    assert zero["environment"] == {"name": "${{ matrix.environment }}"}
    assert zero["permissions"] == {"contents": "read", "actions": "read", "id-token": "write"}
    (step,) = (each for each in zero["steps"] if each.get("name") == "deploy")
    assert step["env"]["KUBECONFIG_DATA"] == "${{ secrets[matrix.kubeconfig] }}"
    assert step["env"]["LOGIN"] == "${{ matrix.login }}"


def test_a_wave_beyond_the_limits_of_jobs() -> None:
    """Many stacks become several jobs one after the other, a long bake several jobs that sleep."""
    stacks = {f"s{n}": {"labels": {"tier": "x"}} for n in range(600)}
    wave = {"name": "1st", "select": "tier", "maxFailures": "10%", "bakeTime": "12h"}
    jobs = export.workflow(Fleet.model_validate({"stacks": stacks, "waves": [wave]}))["jobs"]
    assert {name: job.get("needs") for name, job in jobs.items()} == {
        "wave-1st-1": None,
        "wave-1st-2": ["wave-1st-1"],
        "wave-1st-3": ["wave-1st-2"],
        "wave-1st-check": ["wave-1st-1", "wave-1st-2", "wave-1st-3"],
        "wave-1st-bake-1": ["wave-1st-check"],
        "wave-1st-bake-2": ["wave-1st-bake-1"],
        "wave-1st-bake-3": ["wave-1st-bake-2"],
    }
    assert [len(jobs[f"wave-1st-{n}"]["strategy"]["matrix"]["include"]) for n in (1, 2, 3)] == [256, 256, 88]
    counted = jobs["wave-1st-check"]["steps"][0]["env"]
    assert {key: counted[key] for key in ("MEMBERS", "ALLOWED", "NEEDED")} == {
        "MEMBERS": 600, "ALLOWED": 60, "NEEDED": 540
    }  # fmt: skip
    slept = [jobs[f"wave-1st-bake-{n}"]["steps"][0]["env"]["SECONDS_TO_WAIT"] for n in (1, 2, 3)]
    assert slept == [18000, 18000, 7200]


def test_waves_whose_jobs_would_have_one_name() -> None:
    """They are refused, rather than one of them left out."""
    stacks = {"a": {"labels": {"t": "a"}}, "b": {"labels": {"t": "b"}}}
    waves = [{"name": "x.y", "select": "t=a"}, {"name": "x-y", "select": "t=b"}]
    with pytest.raises(HubstackError, match="wave x-y: another wave has a job x-y as well; rename one of them"):
        export.workflow(Fleet.model_validate({"stacks": stacks, "waves": waves}))


def run(script: str, folder: Path, names: list[str], **environment: object) -> tuple[int, str, str]:
    """Exit code, output and what the step reports, with a stand-in for GitHub's command that lists artifacts."""
    command = folder / "gh"
    command.write_text(f"#!/bin/sh\nprintf '%s\\n' {' '.join(names)}\n")
    command.chmod(0o755)
    given = {"GITHUB_OUTPUT": folder / "output", "GITHUB_STEP_SUMMARY": folder / "summary", "RUNNER_TEMP": folder}
    given |= {"GITHUB_REPOSITORY": "o/r", "GITHUB_RUN_ID": 1, "GITHUB_RUN_ATTEMPT": 1, **environment}
    (folder / "output").write_text("")
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        env={"PATH": f"{folder}:{os.environ['PATH']}", **{key: str(value) for key, value in given.items()}},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr, (folder / "output").read_text()


@pytest.mark.parametrize(
    ("names", "counts", "green"),
    [
        (["deploy.1.succeeded.w.a", "deploy.1.succeeded.w.b.c"], "2 of 3 succeeded, 2 needed; 1 failed, 1", True),
        (["deploy.1.succeeded.w.a", "deploy.1.unreachable.w.b"], "1 of 3 succeeded, 2 needed; 1 failed, 1", False),
        (["deploy.1.succeeded.w.a"], "1 of 3 succeeded, 2 needed; 2 failed, 1", False),
        (["deploy.1.succeeded.v.a", "deploy.1.succeeded.v.b", "deploy.1.failed.w.a"], "0 of 3 succeeded", False),
        (["deploy.1.failed.w.a", "deploy.2.succeeded.w.a", "deploy.1.succeeded.w.b"], "2 of 3 succeeded", True),
        (["deploy.10.succeeded.w.a", "deploy.9.failed.w.a", "deploy.1.succeeded.w.b"], "2 of 3 succeeded", True),
        (["deploy.1.succeeded.w.a", "deploy.1.succeeded.w.b", "ask.1.failed.w.b"], "1 of 3 succeeded", False),
        (["deploy.1.succeeded.w.a", "deploy.1.succeeded.w.b", "ask.1.succeeded.w.b"], "2 of 3 succeeded", True),
        (
            ["deploy.1.unreachable.w.a", "deploy.1.paused.w.b", "deploy.1.succeeded.w.c"],
            "0 failed, 1 allowed; 2",
            False,
        ),
    ],
)
def test_a_wave_is_green_by_the_rules_of_a_rollout(names: list[str], counts: str, green: bool, tmp_path: Path) -> None:
    """Enough successes and not too many failures; a stack of which nothing is known has failed, what was not reached
    has neither failed nor succeeded, and the newest attempt counts.
    """
    code, output, _ = run(scripts.CHECK, tmp_path, names, WAVE="w", MEMBERS=3, ALLOWED=1, NEEDED=2)
    assert (code == 0) == green, output
    assert counts in output


@pytest.mark.parametrize(
    ("names", "state"),
    [
        ([], ""),
        (["deploy.2.failed.w.a"], ""),
        (["deploy.2.failed.w.a", "deploy.2.failed.w.b"], "skipped"),
        (["deploy.1.failed.w.a", "deploy.2.failed.w.b", "deploy.2.failed.v.a"], ""),
    ],
)
def test_no_stack_is_started_after_too_many_failures(names: list[str], state: str, tmp_path: Path) -> None:
    """Of the wave, in this attempt: those of an earlier one are what is tried again."""
    code, output, reported = run(scripts.MAY_START, tmp_path, names, WAVE="w", ALLOWED=1, GITHUB_RUN_ATTEMPT=2)
    assert (code, reported) == (0, f"state={state}\n"), output


def test_stack_objects() -> None:
    """Each stack is an object at one commit, which waits for every stack of the wave before, and for no other."""
    objects = list(yaml.safe_load_all(export.text(fleet(), "pulumi-operator", OPERATOR)))
    mount = {"name": "hubstack-kubeconfig", "mountPath": "/var/run/hubstack", "readOnly": True}
    volume = {"name": "hubstack-kubeconfig", "secret": {"secretName": "kubeconfig", "defaultMode": 288}}

    def secret(name: str, key: str) -> dict[str, Any]:
        return {"type": "Secret", "secret": {"name": name, "key": key, "namespace": "pulumi"}}

    assert objects[0] == {
        "apiVersion": "pulumi.com/v1",
        "kind": "Stack",
        "metadata": {
            "name": "s0",
            "namespace": "pulumi",
            "labels": {"hubstack/wave": "staging"},
            "annotations": {"hubstack/wave": "staging", "hubstack/stack": "s0"},
        },
        "spec": {
            "stack": "s0",
            "projectRepo": "https://example.org/hubs.git",
            "commit": COMMIT,
            "backend": "s3://states",
            "envRefs": {
                "PULUMI_CONFIG_PASSPHRASE": secret("hubstack-passphrase", "passphrase"),
                "AWS_ACCESS_KEY_ID": secret("hubstack-backend", "AWS_ACCESS_KEY_ID"),
                "AWS_SECRET_ACCESS_KEY": secret("hubstack-backend", "AWS_SECRET_ACCESS_KEY"),
                "AWS_REGION": secret("hubstack-backend", "AWS_REGION"),
                "KUBECONFIG": {"type": "Literal", "literal": {"value": "/var/run/hubstack/kubeconfig"}},
            },
            "workspaceTemplate": {
                "spec": {
                    "podTemplate": {
                        "spec": {"containers": [{"name": "pulumi", "volumeMounts": [mount]}], "volumes": [volume]}
                    }
                }
            },
            "refresh": False,
            "destroyOnFinalize": False,
        },
    }
    assert [each["spec"].get("prerequisites") for each in objects[1:3]] == [None, [{"name": "s0"}, {"name": "s1"}]]
    only = export.text(fleet(), "pulumi-operator", OPERATOR, ["prod"])
    assert list(yaml.safe_load_all(only)) == objects[2:]


def test_credentials_of_the_operator() -> None:
    """An account in the place of stored keys, a key or a token for git, a kubeconfig for each cluster."""
    wanted = export.Operator("git@example.org:hubs.git", COMMIT, "gs://states", "p", "deployer", True)
    text = export.text(fleet({"c1": {"kubeconfigSecret": "KUBECONFIG_C_1"}}), "pulumi-operator", wanted)
    spec = next(yaml.safe_load_all(text))["spec"]
    assert spec["serviceAccountName"] == "deployer"
    assert spec["gitAuth"] == {
        "sshAuth": {
            "sshPrivateKey": {
                "type": "Secret",
                "secret": {"name": "hubstack-git", "key": "sshPrivateKey", "namespace": "p"},
            }
        }
    }
    assert set(spec["envRefs"]) == {"PULUMI_CONFIG_PASSPHRASE", "KUBECONFIG"}
    comments = [line for line in text.splitlines() if line.startswith("# Secret ")]
    assert comments == [
        "# Secret hubstack-passphrase in namespace p: passphrase.",
        "# Secret hubstack-git in namespace p: sshPrivateKey.",
        "# Secret kubeconfig in namespace p: kubeconfig.",
        "# Secret kubeconfig-c-1 in namespace p: kubeconfig.",
    ]


@pytest.mark.parametrize("commit", ["main", "", "0123", "0" * 41])
def test_waves_need_a_commit(commit: str) -> None:
    """With a branch, the operator would start all waves at once."""
    wanted = export.Operator("https://example.org/hubs.git", commit, "", "pulumi")
    with pytest.raises(HubstackError, match=r"--revision: .* must be a commit"):
        export.text(fleet(), "pulumi-operator", wanted)


def test_key_services_are_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator is told each stack's, and a workflow asks for a passphrase only where a stack needs one."""
    monkeypatch.setattr(project, "ROOT", tmp_path)
    services = ("awskms://alias/a", "hashivault://b", None)
    for stack, service in zip(fleet().stacks, services, strict=False):
        document = {"config": {}} | ({"secretsprovider": service} if service else {"encryptionsalt": "v1:x"})
        (tmp_path / f"Pulumi.{stack}.yaml").write_text(yaml.safe_dump(document))
    objects = list(yaml.safe_load_all(export.text(fleet(), "pulumi-operator", OPERATOR)))
    assert [each["spec"].get("secretsProvider") for each in objects[:3]] == list(services)
    asked = ["PULUMI_CONFIG_PASSPHRASE" in each["spec"]["envRefs"] for each in objects[:3]]
    assert asked == [False, False, True]


@pytest.mark.parametrize(
    ("clusters", "said"),
    [
        ({"c0": {"login": {}}}, "must name exactly one of aws, azure, gcp"),
        ({"c0": {"login": {"aws": {"role": "hubs", "region": "eu"}}}}, "clusters.c0.login.aws.role"),
        ({"c0": {"kubeconfigSecret": "a b"}}, "clusters.c0.kubeconfigSecret"),
        ({"c9": {}}, "'c9': no stack has the label cluster=c9"),
    ],
)
def test_clusters_that_cannot_be_used(clusters: dict[str, Any], said: str, tmp_path: Path) -> None:
    """They are refused with their lines."""
    document = {"stacks": {"a": {"labels": {"cluster": "c0"}}}, "waves": [{"name": "w", "select": "stack"}]}
    (tmp_path / "fleet.yaml").write_text(json.dumps({**document, "clusters": clusters}))
    with pytest.raises(Exception, match=r"fleet\.yaml:1") as raised:
        load.read(tmp_path / "fleet.yaml", stack_files=False)
    assert said in str(raised.value)
