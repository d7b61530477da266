"""What an update makes of the cluster's answers about pods; tests/engine/test_admission.py asks a real one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hubstack.errors import HubstackError
from hubstack.lifecycle import admission, admission_guard
from hubstack.lifecycle.admission import Outcome
from hubstack.migration import access
from hubstack.project.stacks import Stack
from tests import small_api_server

POD_SECURITY = (
    'pods "x" is forbidden: violates PodSecurity "baseline:latest": privileged (container "block-cloud-metadata")'
)
NO_RIGHT = 'pods is forbidden: User "deployer" cannot create resource "pods" in API group "" in the namespace "jhub"'
PROFILES = [
    {"display_name": "Small"},
    {"display_name": "GPU", "kubespawner_override": {"extra_resource_limits": {"nvidia.com/gpu": "1"}}},
]


def stack(values: dict[str, Any] | None = None, **settings: Any) -> Stack:
    config = {"namespace": "jhub", "kubeContext": small_api_server.CONTEXT, "values": values or {}, **settings}
    keyed = {f"hubstack:{key}": value for key, value in config.items()}
    return Stack(name="prod", base="prod", config=keyed, document={"config": keyed})


namespace_of = admission_guard._namespace


class Cluster:
    """A cluster that refuses pods as it is told, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.answers: list[tuple[str, int, str]] = []
        """Text in a pod, status, message: the first that fits."""

    def __call__(self, path: str, pod: dict[str, Any]) -> tuple[int, str]:
        self.asked.append((path, pod))
        return next(((status, said) for text, status, said in self.answers if text in str(pod)), (201, ""))


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    made = Cluster()
    monkeypatch.setattr(access, "of", lambda _: None)
    monkeypatch.setattr(admission_guard, "_namespace", lambda client, name: client and namespace_of(client, name))
    monkeypatch.setattr(admission, "ask_with", lambda _: made)
    return made


@pytest.mark.parametrize(
    ("status", "message", "outcome"),
    [
        (201, "", Outcome.ADMITTED),
        (409, 'pods "x" already exists', Outcome.ADMITTED),
        (403, POD_SECURITY, Outcome.REFUSED),
        (403, 'pods "x" is forbidden: failed quota: q: must specify limits.cpu for: notebook', Outcome.REFUSED),
        (
            403,
            'pods "x" is forbidden: exceeded quota: q, requested: pods=1, used: pods=9, limited: pods=9',
            Outcome.ADMITTED,
        ),
        (403, 'pods "x" is forbidden: no PriorityClass with name top was found', Outcome.REFUSED),
        (
            403,
            'pods "x" is forbidden: error looking up service account jhub/a: serviceaccount "a" not found',
            Outcome.REFUSED,
        ),
        (400, 'admission webhook "p.example.org" denied the request: no latest tags', Outcome.REFUSED),
        (422, 'Pod "x" is invalid: spec.containers[0].image: Required value', Outcome.REFUSED),
        (400, 'admission webhook "p.example.org" does not support dry run', Outcome.UNKNOWN),
        (403, NO_RIGHT, Outcome.UNKNOWN),
        (401, "Unauthorized", Outcome.UNKNOWN),
        (404, 'namespaces "jhub" not found', Outcome.UNKNOWN),
        (500, 'failed calling webhook "p.example.org": context deadline exceeded', Outcome.UNKNOWN),
        (0, "timed out", Outcome.UNKNOWN),
    ],
)
def test_what_an_answer_means(status: int, message: str, outcome: Outcome) -> None:
    """A refusal is one only where a pod would be refused by a rule; whoever may not ask learns nothing."""
    pod = admission.Pod("a pod", {"spec": {}}, of_user=True)
    (verdict,) = admission.judge(lambda *_: (status, message), "jhub", [pod])
    assert verdict.outcome is outcome
    assert not verdict.reason.startswith("pods ")


def test_every_pod_is_asked_about_and_holds_no_secret(cluster: Cluster) -> None:
    """Those of the stack's workloads and each of the users', without environment, hooks, and what is yet to be made."""
    hidden = {"extraEnv": {"KEY": "canary"}, "lifecycleHooks": {"postStart": {"exec": {"command": ["canary"]}}}}
    values = {
        "hub": {"extraEnv": {"KEY": "canary"}},
        "singleuser": {
            **hidden,
            "profileList": PROFILES,
            "initContainers": [{"name": "i", "image": "i", "env": [{"name": "K", "value": "canary"}]}],
        },
        "scheduling": {"podPriority": {"enabled": True}, "userPlaceholder": {"enabled": True}},
    }
    assert admission_guard.refuse(stack(values)) == []
    names = [pod["metadata"]["generateName"] for _, pod in cluster.asked]
    assert sorted(names) == sorted(
        ["hub-", "proxy-", "user-scheduler-", "user-placeholder-", "hook-image-puller-", "continuous-image-puller-"]
        + ["jupyter-hubstack-check-"] * 2
    )
    assert {path for path, _ in cluster.asked} == {"/api/v1/namespaces/jhub/pods"}
    assert "canary" not in str(cluster.asked)
    assert not [pod for _, pod in cluster.asked if {"serviceAccountName", "priorityClassName"} & set(pod["spec"])]


def test_an_update_whose_users_could_not_start_is_refused(cluster: Cluster) -> None:
    """Before it, with the cluster's words and a way out; after it, a hub without users is not up."""
    cluster.answers = [("block-cloud-metadata", 403, POD_SECURITY)]
    with pytest.raises(HubstackError) as before:
        admission_guard.refuse(stack())
    assert str(before.value) == (
        "stack prod: namespace jhub would not admit any user's server:\n"
        '  a user\'s server: violates PodSecurity "baseline:latest": privileged (container "block-cloud-metadata")\n'
        "    set singleuser.cloudMetadata.blockWithIptables to false (the network policy of users' pods keeps them "
        "from the metadata server, too); or: kubectl label --overwrite namespace jhub "
        "pod-security.kubernetes.io/enforce=privileged\n"
        "Nothing was changed. hubstack:checkAdmission: false deploys all the same."
    )
    with pytest.raises(HubstackError, match="the hub is deployed, and no user's server can start in namespace jhub"):
        admission_guard.require_users(stack())
    assert admission_guard.refuse(stack(checkAdmission=False)) == []
    assert admission_guard.refuse(stack({"singleuser": {"cloudMetadata": {"blockWithIptables": False}}})) == []


def test_a_pod_of_the_stack_that_is_refused_ends_the_update(cluster: Cluster) -> None:
    """It would be waited for until the time-out; each reason is said once, with the setting that mends it."""
    cluster.answers = [("'generateName': 'hub-'", 403, "failed quota: q: must specify limits.cpu for: hub")]
    with pytest.raises(HubstackError, match=r"(?s)these pods.*Deployment hub: failed quota.*set hub\.resources"):
        admission_guard.refuse(stack())


def test_one_profile_that_is_refused_is_a_warning(cluster: Cluster) -> None:
    """The others work, so the update goes on; a preview says the same."""
    cluster.answers = [("nvidia.com/gpu", 403, "no GPUs in this namespace")]
    for say in (admission_guard.refuse, admission_guard.doubts):
        (warning,) = say(stack({"singleuser": {"profileList": PROFILES}}))
        assert warning.startswith("namespace jhub would not admit:\n  profile 'GPU': no GPUs in this namespace\n")
    admission_guard.require_users(stack({"singleuser": {"profileList": PROFILES}}))


def test_code_that_may_change_pods_makes_it_a_warning(cluster: Cluster) -> None:
    """It is not run here, so nobody can know."""
    cluster.answers = [("block-cloud-metadata", 403, POD_SECURITY)]
    code = {"hub": {"extraConfig": {"a": "c.KubeSpawner.init_containers = []"}}}
    assert len(admission_guard.refuse(stack(code))) == 1
    admission_guard.require_users(stack(code))


def test_where_the_cluster_cannot_be_asked_nothing_is_refused(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No right to create pods, no cluster, or settings that only the program can read."""
    cluster.answers = [("", 403, NO_RIGHT)]
    assert admission_guard.refuse(stack()) == []
    assert admission_guard.refuse(stack({"hub": {"concurrentSpawnLimit": "encrypted0123456789abcdef"}})) == []

    def unreachable(_: Stack) -> Any:
        raise HubstackError("its API server cannot be reached")

    monkeypatch.setattr(access, "of", unreachable)
    assert admission_guard.refuse(stack()) == []
    admission_guard.require_users(stack())


def test_whoever_may_not_ask_is_still_told_by_the_namespace_level(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A privileged container is refused at every level but the lowest; whatever else there is stays unknown."""
    cluster.answers = [("", 403, NO_RIGHT)]
    unblocked = {"singleuser": {"cloudMetadata": {"blockWithIptables": False}}}
    for level, is_refused in (("baseline", True), ("restricted", True), ("privileged", False)):
        labelled = {"/api/v1/namespaces/jhub": {"metadata": {"labels": {admission.LEVEL: level}}}}
        with small_api_server.serve(labelled, tmp_path) as kubeconfig:
            client = access.client(small_api_server.CONTEXT, kubeconfig)
            monkeypatch.setattr(access, "of", lambda _, client=client: client)
            assert admission_guard.refuse(stack(unblocked)) == []
            if is_refused:
                with pytest.raises(HubstackError, match=f'violates PodSecurity "{level}": a privileged container'):
                    admission_guard.refuse(stack())
            else:
                assert admission_guard.refuse(stack()) == []


@pytest.fixture
def refusing(tmp_path: Path) -> Iterator[Any]:
    with small_api_server.serve({}, tmp_path) as kubeconfig:
        yield access.client(small_api_server.CONTEXT, kubeconfig)


def test_a_request_is_a_dry_run_and_a_silent_server_an_unknown(refusing: Any, tmp_path: Path) -> None:
    """The small server refuses every POST; its words and the query reach us; no server at all is no refusal."""
    status, message = admission.ask_with(refusing)("/api/v1/namespaces/jhub/pods", {"kind": "Pod"})
    assert status == 405
    assert "dryRun=All" in message
    refusing.configuration.host = "http://127.0.0.1:1"
    assert admission.ask_with(refusing)("/api/v1/namespaces/jhub/pods", {})[0] == 0
