"""`hubstack capacity`: verdicts in sentences, what is never green, and exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from hubstack import project
from hubstack.commands.main import app

USERS = {
    "name": "users",
    "labels": {"hub.jupyter.org/node-purpose": "user"},
    "allocatable": {"cpu": "7910m", "memory": "58.7Gi", "pods": 110},
    "daemonSets": {"cpu": "310m", "memory": "400Mi", "pods": 6},
    "nodes": 3,
    "maxNodes": 10,
}
SMALL = {**USERS, "name": "small", "allocatable": {"cpu": 2, "memory": "8Gi", "pods": 20}, "nodes": 2}
GPUS = {
    "name": "gpus",
    "labels": {"gpu": "a100"},
    "taints": [{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}],
    "allocatable": {"cpu": 12, "memory": "80Gi", "pods": 110, "nvidia.com/gpu": 1},
    "minNodes": 0,
    "maxNodes": 4,
}
GPU: dict[str, Any] = {"extra_resource_limits": {"nvidia.com/gpu": "1"}, "node_selector": {"gpu": "a100"}}
TOLERATION = {"key": "nvidia.com/gpu", "operator": "Exists"}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one stack, whose cluster nobody can reach."""
    (tmp_path / "Pulumi.yaml").write_text("name: hubs\nruntime: python\n")
    monkeypatch.setattr(project, "ROOT", tmp_path)
    monkeypatch.setenv("HUBSTACK_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    return tmp_path


def run(
    root: Path, values: dict[str, Any], pools: Any = (USERS,), options: tuple[str, ...] = (), **more: Any
) -> tuple[int, dict[str, Any]]:
    """Exit code and JSON of the command on these values and pools."""
    file = {"pools": list(pools), **{key: more.pop(key) for key in list(more) if key in FILE_KEYS}}
    (root / "pools.yaml").write_text(yaml.safe_dump(file))
    config = {"kubeContext": "none", "poolsFile": "pools.yaml", "values": values, **more}
    document = {"config": {f"hubstack:{key}": value for key, value in config.items()}}
    (root / "Pulumi.prod.yaml").write_text(yaml.safe_dump(document))
    done = CliRunner().invoke(app, ["capacity", "--stack", "prod", "--json", *options], catch_exceptions=False)
    return done.exit_code, json.loads(done.stdout)


FILE_KEYS = ("currency", "namespaces", "runtimeClasses", "extendedResourceToleration")


def users(found: dict[str, Any]) -> dict[str, str]:
    """Sentence of each user's pod by its status."""
    return {each["name"]: f"{each['status']}: {each['text']}" for each in found["pods"] if each["kind"] == "user"}


def profile(name: str, /, **override: Any) -> dict[str, Any]:
    return {"display_name": name, "kubespawner_override": override}


def server(**singleuser: Any) -> dict[str, Any]:
    return {"singleuser": singleuser}


def test_too_large_for_every_node(root: Path) -> None:
    """What is asked for, what the largest pool leaves, that it never starts, and the most that would."""
    values = server(profileList=[profile("large", mem_guarantee="62G", mem_limit="62G")])
    code, found = run(root, values, [SMALL, USERS])
    assert code == 2
    assert users(found) == {
        "profile `large`": (
            "never: Profile `large` asks for 62 GiB of memory; the largest pool that it may use (`users`) leaves "
            "58.3 GiB of memory: every start would wait for ever (0/5 nodes: 5 Insufficient memory). At most 58 GiB."
        )
    }


def test_a_limit_alone_is_a_request(root: Path) -> None:
    """Where the guarantee is taken out of the settings, the limit counts, as Kubernetes has it."""
    code, found = run(root, server(memory={"guarantee": None, "limit": "100G"}))
    assert code == 2
    assert "asks for 100 GiB of memory; the only pool" in users(found)["a user's server"]


@pytest.mark.parametrize(
    ("override", "status", "says"),
    [
        (GPU, "never", "nearest is `gpus`, but it does not tolerate the taint nvidia.com/gpu=present:NoSchedule"),
        ({**GPU, "tolerations": [TOLERATION]}, "fits", "1 to a node of `gpus`, 4 at 4 nodes (it may be empty"),
        (
            {**GPU, "tolerations": [TOLERATION], "extra_resource_limits": {"nvidia.com/gpu": "8"}},
            "never",
            "asks for 8 nvidia.com/gpu; the only pool that it may use (`gpus`) leaves 1 nvidia.com/gpu",
        ),
        ({"node_selector": {"pool": "huge"}}, "never", "its nodes are not pool=huge"),
        ({"mem_limit": "8Gi"}, "never", "mem_limit: '8Gi' is no size that JupyterHub reads"),
        ({"mem_guarantee": "4G", "mem_limit": "2G"}, "never", "the guarantee of 4 GiB is above the limit of 2 GiB"),
        ({"extra_resource_guarantees": {"nvidia.com/gpu": 1}}, "never", "needs a limit that is equal"),
        ({"extra_pod_config": {"runtimeClassName": "gvisor"}}, "unknown", "RuntimeClass 'gvisor' is not described"),
        ({"mem_guarantee": "2G"}, "fits", "29 to a node of `users`, 290 at 10 nodes"),
        ({"cpu_guarantee": 1, "mem_guarantee": "2G"}, "fits", "7 to a node of `users`"),
        (
            {"extra_pod_config": {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "In", "values": ["x", "y"]}]}]
            }}}}},
            "never",
            "its nodes are not zone In x, y",
        ),
    ],
)  # fmt: skip
def test_profiles(root: Path, override: dict[str, Any], status: str, says: str) -> None:
    """Each rule of the scheduler and of the API server in a sentence, with numbers."""
    _, found = run(root, server(profileList=[profile("p", **override)]), [USERS, GPUS])
    (text,) = users(found).values()
    assert text.startswith(f"{status}: ")
    assert says in text


def test_each_combination_that_differs(root: Path) -> None:
    """Choices that change nothing for a scheduler are one; each of the others is judged by itself."""
    options = {
        "memory": {
            "choices": {
                "less": {"display_name": "l", "kubespawner_override": {"mem_guarantee": "1G"}},
                "more": {"display_name": "m", "kubespawner_override": {"mem_guarantee": "99G"}},
            }
        },
        "image": {
            "choices": {
                "a": {"display_name": "a", "kubespawner_override": {"image": "a:1"}},
                "b": {"display_name": "b", "kubespawner_override": {"image": "b:1"}},
            },
            "unlisted_choice": {"enabled": True, "kubespawner_override": {"image": "{value}"}},
        },
    }
    code, found = run(root, server(profileList=[{"display_name": "p", "profile_options": options}]))
    assert {name: text.partition(":")[0] for name, text in users(found).items()} == {
        "profile `p (memory: less)`": "fits",
        "profile `p (memory: more)`": "never",
    }
    assert code == 2


def test_what_users_write_cannot_be_judged(root: Path) -> None:
    """A free entry that becomes an amount is never said to fit."""
    option = {
        "choices": {"a": {"display_name": "a"}},
        "unlisted_choice": {"enabled": True, "kubespawner_override": {"mem_guarantee": "{value}"}},
    }
    code, found = run(root, server(profileList=[{"display_name": "p", "profile_options": {"size": option}}]))
    assert code == 3
    assert "option size takes what a user writes as mem_guarantee" in users(found)["profile `p (size: own entry)`"]


def test_too_many_combinations(root: Path) -> None:
    """More combinations than anybody would look at are not tried one by one, and not said to fit."""
    choices = {f"c{n}": {"display_name": "x", "kubespawner_override": {"cpu_guarantee": n}} for n in range(11)}
    options = {f"o{n}": {"choices": choices} for n in range(3)}
    code, found = run(root, server(profileList=[{"display_name": "p", "profile_options": options}]))
    assert code == 3
    assert "1331 combinations that differ, more than the 1000" in users(found)["profile `p`"]


@pytest.mark.parametrize(
    "override",
    [
        {"mem_limit": "1e308T"},
        {"extra_resource_limits": {"memory": "1e999999999"}},
        {"extra_pod_config": {"resources": [], "tolerations": "x"}},
        {"node_affinity_required": [{"matchExpressions": [{"key": "a", "operator": "Gt", "values": ["9" * 5000]}]}]},
        {"tolerations": [None]},
        {"init_containers": [{"name": "a", "resources": "x"}]},
        {"extra_pod_config": {"affinity": "x"}},
        {"node_selector": {"a": {"b": 1}}},
        {"volumes": ["x"]},
        {"extra_pod_config": {"tolerations": [None]}},
        {"extra_pod_config": {"topologySpreadConstraints": {"a": 1}}},
        {"extra_pod_config": {"containers": "x"}},
        {"extra_container_config": {"resources": {"limits": "x"}}},
    ],
)
def test_nonsense_never_fits(root: Path, override: dict[str, Any]) -> None:
    """Amounts beyond all bounds, and things of another shape, end in a verdict, and not in a fit."""
    code, found = run(root, server(profileList=[profile("p", **override)]))
    (text,) = users(found).values()
    assert code in (2, 3)
    assert not text.startswith("fits")


@pytest.mark.parametrize(
    "hub",
    [
        {"config": {"KubeSpawner": {"profile_list": "x"}}},
        {"config": {"KubeSpawner": {"profile_list": [None, "x", {}, {"slug": "a"}]}}},
        {"extraConfig": {"a": "c.KubeSpawner.tolerations = {}\nc.KubeSpawner.tolerations.append({})"}},
    ],
)
def test_nonsense_of_the_spawner(root: Path, hub: dict[str, Any]) -> None:
    """Lists of another shape end in a verdict."""
    code, _ = run(root, {"hub": hub})
    assert code in (2, 3)


def test_nonsense_of_the_hub(root: Path) -> None:
    """The hub's own pod may have any fields; one of another shape is refused like a user's."""
    code, found = run(root, {"hub": {"extraPodSpec": {"topologySpreadConstraints": "x"}}})
    hub = next(each for each in found["pods"] if each["name"] == "pod `hub`")
    assert (code, hub["status"]) == (2, "never")
    assert "topologySpreadConstraints: must be a list" in hub["text"]


def test_more_profiles_than_anybody_reads(root: Path) -> None:
    """A list without end is not tried to its end, and not said to fit."""
    choices = {f"c{n}": {"display_name": "x", "kubespawner_override": {"cpu_guarantee": n / 1000}} for n in range(900)}
    options = {"o": {"choices": choices}}
    listed = [{"display_name": f"p{n}", "profile_options": options} for n in range(4)]
    code, found = run(root, server(profileList=listed))
    assert code == 3
    assert "more than 3000 ways to start" in users(found)["profile `of the others`"]


FORM = {"KubeSpawner": {"options_form": "<form>"}}


@pytest.mark.parametrize(
    ("hub", "says"),
    [
        ({"config": FORM}, "hub.config.KubeSpawner.options_form is set"),
        ({"config": {"JupyterHub": {"spawner_class": "mine.Spawner"}}}, "spawner_class is mine.Spawner"),
        ({"config": {"Spawner": {"group_overrides": {"a": {}}}}}, "hub.config.Spawner.group_overrides is set"),
        ({"extraConfig": {"a": "c.KubeSpawner.profile_list = profiles"}}, "hub.extraConfig.a, line 1"),
        ({"extraConfig": {"a": "async def f(spawner): pass\nc.KubeSpawner.pre_spawn_hook = f"}}, "hub.extraConfig.a"),
        ({"existingSecret": "mine"}, "hub.existingSecret may hold other settings"),
        (
            {
                "extraFiles": {
                    "x": {"mountPath": "/usr/local/etc/jupyterhub/jupyterhub_config.d/x.py", "stringData": "1"}
                }
            },
            "hub.extraFiles.x is code that the hub runs",
        ),
        ({"command": ["jupyterhub", "-f", "/mine.py"]}, "hub.command starts the hub in another way"),
    ],
)
@pytest.mark.parametrize("size", ["1G", "99G"])
def test_what_cannot_be_read_is_never_green(root: Path, hub: dict[str, Any], says: str, size: str) -> None:
    """Whatever may change pods and is not a plain setting ends in `cannot be judged`, with its place."""
    code, found = run(root, {"hub": hub, **server(memory={"guarantee": size})})
    assert code == 3
    text = users(found)["a user's server"]
    assert text.startswith(f"unknown: A user's server cannot be judged: {says}") or says in text
    assert ("every start would wait for ever" in text) == (size == "99G")


def test_another_chart_cannot_be_judged(root: Path) -> None:
    """A chart version whose settings are not modelled is said, and not green."""
    code, found = run(root, {}, mode="helm", chart={"version": "3.3.7"})
    assert code == 3
    assert "chart 3.3.7 are not modelled" in users(found)["a user's server"]


def test_sealed_secrets_cannot_be_judged(root: Path) -> None:
    """Settings that are encrypted as a whole may be about anything."""
    code, found = run(root, {}, secretValues={"secure": "v1:xyz"})
    assert code == 3
    assert "hubstack:secretValues is encrypted as a whole" in users(found)["a user's server"]


def test_rules_of_the_namespace(root: Path) -> None:
    """A LimitRange adds requests and refuses limits, a quota refuses what is not set or too much."""
    limits = [{"type": "Container", "default": {"memory": "70Gi"}, "defaultRequest": {"memory": "70Gi"}}]
    rules = {"limitRanges": [{"name": "r", "limits": limits}]}
    nothing = server(memory={"guarantee": None})
    code, found = run(root, nothing, namespaces={"jhub": rules})
    assert code == 2
    assert "asks for 70 GiB of memory" in users(found)["a user's server"]
    quota = {"quotas": [{"name": "q", "hard": {"limits.memory": "10Gi"}}]}
    code, found = run(root, server(memory={"guarantee": "1G", "limit": "12G"}), namespaces={"jhub": quota})
    text = users(found)["a user's server"]
    assert "has 10 GiB of limits.memory, the pod asks for 12 GiB" in text
    assert "ResourceQuota q counts what is not set (block-cloud-metadata: limits.memory)" in text
    assert code == 2


def test_placeholders_and_the_hub(root: Path) -> None:
    """Placeholders fill nodes, which cost what the file says; the hub's own pods are judged too."""
    values = {
        "scheduling": {"userPlaceholder": {"replicas": 40}, "podPriority": {"enabled": True}},
        "hub": {"resources": {"requests": {"cpu": "9"}}},
        **server(memory={"guarantee": "4G"}),
    }
    code, found = run(root, values, [{**USERS, "pricePerHour": 0.282}], currency="EUR")
    assert found["notes"] == ["40 placeholders, 15 to a node: 3 nodes of pool `users`, 618 EUR a month."]
    hub = next(each for each in found["pods"] if each["name"] == "pod `hub`")
    assert (hub["status"], code) == ("never", 2)
    _, found = run(root, values, [USERS])
    assert found["notes"] == ["40 placeholders, 15 to a node: 3 nodes of pool `users`, 2190 node hours a month."]


def test_everything_fits(root: Path) -> None:
    """Without anything to say the exit code is 0."""
    code, found = run(root, {})
    assert (code, found["exitCode"]) == (0, 0)
    assert {each["status"] for each in found["pods"]} == {"fits"}


def test_tables_are_for_people(root: Path) -> None:
    """The same facts as a table and sentences, the worst first."""
    run(root, server(profileList=[profile("a"), profile("b", mem_guarantee="99G")]))
    done = CliRunner().invoke(app, ["capacity", "--stack", "prod", "--nodes", str(root / "pools.yaml")])
    assert done.exit_code == 2
    lines = [line for line in done.stdout.splitlines() if line.startswith("- ")]
    assert lines[0].startswith("- Profile `b` asks for 99 GiB")
    assert lines[1].startswith("- Profile `a` fits. ")


def test_a_cluster_that_is_not_there(root: Path) -> None:
    """Without a file and without a cluster there is one error, and the way without a cluster."""
    run(root, {})
    done = CliRunner().invoke(app, ["capacity", "--stack", "prod", "--nodes", "live"])
    assert done.exit_code == 1
    assert "--nodes FILE judges without a cluster" in str(done.exception)
