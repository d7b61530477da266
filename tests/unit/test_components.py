"""The components under mocks: what is registered, below what, and what is secret. Not that a cluster accepts it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
import pytest

from hubstack import project, settings
from hubstack.components import dependence, kubernetes, provider_version
from hubstack.components.tokens import derive

SENTINEL = "sentinel-4f2a"
SECRET_ENVELOPE = "4dabf18193072939515e22adb298388d"
"""The key under which the engine's protocol marks a value as secret."""


@dataclass
class Recorder(pulumi.runtime.Mocks):
    """Remembers each registration."""

    registered: dict[tuple[str, str], pulumi.runtime.MockResourceArgs] = field(default_factory=dict)

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        self.registered[args.typ, args.name] = args
        outputs = dict(args.inputs)
        if args.typ == "random:index/randomId:RandomId":
            outputs["hex"] = "ab" * 32
        if args.typ == "pulumi:index:Stash":
            outputs["output"] = {"key": "ab" * 32}
        if args.typ == "kubernetes:core/v1:Service":
            outputs["status"] = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}
        return f"{args.name}-id", outputs

    def call(self, args: pulumi.runtime.MockCallArgs) -> dict[str, Any]:
        return {}


def register(**entries: str) -> Recorder:
    """Run the program's main part with some configuration and return what it registered."""
    recorder = Recorder()
    pulumi.runtime.set_mocks(recorder, project="hubstack", stack="test", preview=False)

    # Imported late, as the program does: the components read nothing at import.
    from hubstack import JupyterHub
    from hubstack.components.program import jupyterhub_args

    config = settings.parse({"kubeContext": "none", **entries}, set())

    @pulumi.runtime.test
    def program() -> pulumi.Output[Any]:
        jupyterhub = JupyterHub("jupyterhub", jupyterhub_args(config))
        return pulumi.Output.all(jupyterhub.url, jupyterhub.secret_token)

    program()
    return recorder


def names(recorder: Recorder, package: str) -> set[tuple[str, str]]:
    """Short type and name of the registered resources of one package."""
    return {(kind.rpartition(":")[2], name) for kind, name in recorder.registered if kind.startswith(f"{package}:")}


def test_native_registers_every_part() -> None:
    """Mode native with default values registers these components."""
    assert names(register(), "hubstack") == {
        ("JupyterHub", "jupyterhub"),
        ("Tokens", "jupyterhub-tokens"),
        ("SharedObjects", "jupyterhub-shared"),
        ("ImagePuller", "jupyterhub-image-puller"),
        ("Hub", "jupyterhub-hub"),
        ("Proxy", "jupyterhub-proxy"),
        ("Ingress", "jupyterhub-ingress"),
        ("SingleUser", "jupyterhub-singleuser"),
        ("UserScheduler", "jupyterhub-user-scheduler"),
        ("UserPlaceholder", "jupyterhub-user-placeholder"),
    }


def test_native_registers_what_manifests_prints() -> None:
    """The components register exactly the objects that `chart.render` builds, and the namespace."""
    from hubstack import manifests

    objects = manifests.render_manifests([], "jhub", "jhub", "1.36.1", placeholders=True)
    printed = {(each["kind"], each["metadata"]["name"]) for each in objects}
    registered = {
        (args.inputs["kind"], args.inputs["metadata"]["name"])
        for (kind, _), args in register().registered.items()
        if kind.startswith("kubernetes:")
    }
    assert registered == printed | {("Namespace", "jhub")}


def test_helm_registers_one_release() -> None:
    """Mode helm registers tokens, the namespace and one release, and reads the Service that the release makes."""
    recorder = register(mode="helm")
    assert names(recorder, "kubernetes") == {
        ("Namespace", "jupyterhub-namespace"),
        ("Release", "jupyterhub-release"),
        ("Service", "jupyterhub-proxy-public"),
    }
    assert names(recorder, "hubstack") == {("JupyterHub", "jupyterhub"), ("Tokens", "jupyterhub-tokens")}


def test_a_storage_class_of_the_stacks_own() -> None:
    """A StorageClass in the settings is registered, and the hub's volume asks for it by name."""
    recorder = register(storageClass='{"provisioner": "csi.example.org"}')
    assert ("StorageClass", "jupyterhub-storage") in names(recorder, "hubstack")
    claim = recorder.registered["kubernetes:core/v1:PersistentVolumeClaim", "jupyterhub-hub-pvc"]
    assert claim.inputs["spec"]["storageClassName"] == "jupyterhub"


def plain_text(value: Any) -> str:
    """All text in some inputs that is outside of a secret envelope."""
    if isinstance(value, dict):
        members = {} if SECRET_ENVELOPE in value else value
        return " ".join(f"{key} {plain_text(member)}" for key, member in members.items())
    if isinstance(value, list):
        return " ".join(plain_text(member) for member in value)
    return str(value)


@pytest.mark.parametrize("mode", ["native", "helm"])
def test_secret_values_are_registered_as_secrets(mode: str) -> None:
    """A secret setting appears in no input outside of a secret envelope, whatever it was turned into."""
    secret = f'{{"hub": {{"extraEnv": {{"A": "{SENTINEL}"}}, "config": {{"X": {{"y": "{SENTINEL}"}}}}}}}}'
    recorder = register(mode=mode, secretValues=secret)
    plain = " ".join(plain_text(args.inputs) for args in recorder.registered.values())
    assert SENTINEL not in plain


def test_a_secret_flag_makes_its_object() -> None:
    """Whether an object exists may be a secret setting: the object is registered, and what it holds is secret."""
    account = {"create": True, "registry": "r", "username": "u", "password": SENTINEL}
    recorder = register(secretValues=json.dumps({"imagePullSecret": account}))
    secret = recorder.registered["kubernetes:core/v1:Secret", "jupyterhub-shared-secret"].inputs
    assert secret["metadata"]["name"] == "image-pull-secret"
    assert SENTINEL not in " ".join(plain_text(args.inputs) for args in recorder.registered.values())


def test_only_what_differs_becomes_secret() -> None:
    """A differing leaf becomes secret, its neighbours stay as they are; another shape makes the subtree secret."""
    marked = dependence.marked({"a": 1, "b": ["x", "y"], "c": {"d": "s"}}, {"a": 1, "b": ["x", "z"], "c": {"d": "t"}})
    assert (marked["a"], marked["b"][0]) == (1, "x")
    assert isinstance(marked["b"][1], pulumi.Output)
    assert isinstance(marked["c"]["d"], pulumi.Output)
    assert isinstance(dependence.marked({"a": [1, 2]}, {"a": [1]})["a"], pulumi.Output)


def test_a_class_holds_only_its_kind() -> None:
    """A manifest of another kind is refused before the engine sees it."""
    with pytest.raises(ValueError, match="Secret cannot hold a v1 ConfigMap"):
        kubernetes.Secret("x", {"apiVersion": "v1", "kind": "ConfigMap"}, pulumi.ResourceOptions())


def test_type_tokens_are_those_of_the_generated_sdk() -> None:
    """The engine sees the same types as from `pulumi_kubernetes`, whose version is ours."""
    import pulumi_kubernetes.apps.v1 as apps
    import pulumi_kubernetes.core.v1 as core

    for generated, ours in ((apps.Deployment, kubernetes.Deployment), (core.Secret, kubernetes.Secret)):
        assert generated.pulumi_type == kubernetes.type_token(ours.API_VERSION, ours.KIND)
    requirements = (project.ROOT / "requirements.txt").read_text()
    assert f"pulumi-kubernetes=={provider_version.PINNED}\n" in requirements


@pytest.mark.parametrize("mode", ["native", "helm"])
@pytest.mark.parametrize("version", ["", "4.25.0", "5.0.0-alpha.1"])
def test_every_object_asks_for_the_same_plugin(monkeypatch: pytest.MonkeyPatch, mode: str, version: str) -> None:
    """The version that the environment names, else the pinned one; without exception."""
    monkeypatch.setenv(provider_version.VARIABLE, version)
    asked: dict[str, set[str]] = {}
    monitor = pulumi.runtime.mocks.MockMonitor
    for method in ("RegisterResource", "ReadResource"):
        original = getattr(monitor, method)

        def record(self: Any, request: Any, original: Any = original) -> Any:
            asked.setdefault(request.type.partition(":")[0], set()).add(request.version)
            return original(self, request)

        monkeypatch.setattr(monitor, method, record)
    register(mode=mode)
    assert asked["kubernetes"] == {version or provider_version.PINNED}


@pytest.mark.parametrize("version", ["latest", "v4.25.0", "4.25", "4.25.0 ", "4.25.0; rm -rf /", "../../4.25.0"])
def test_nonsense_is_no_plugin_version(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    """One error with the variable, the value and the form, before anything is registered."""
    monkeypatch.setenv(provider_version.VARIABLE, version)
    message = f"{provider_version.VARIABLE}: {version!r}: must be the version of a Kubernetes provider"
    with pytest.raises(pulumi.RunError, match=f"^{re.escape(message)}"):
        kubernetes.Provider("cluster", kubeconfig="k", context="c", cluster_identifier="i")


def test_a_token_depends_on_key_and_identity() -> None:
    """The same key and identity give the same 64 hex digits, another of either gives others."""
    token = derive("00" * 32, "aa" * 32)
    assert token == derive("00" * 32, "aa" * 32)
    assert len(token) == 64
    assert len({token, derive("01" * 32, "aa" * 32), derive("00" * 32, "ab" * 32)}) == 3


def test_types_and_logical_names_stay() -> None:
    """A deployed stack knows its resources by type and name: another one would be a replacement, with loss of data.

    The file lists what the stacks of the first release have.
    """
    everything = {
        "proxy": {"https": {"enabled": True, "hosts": ["h.example.org"], "letsencrypt": {"contactEmail": "a@b.c"}}},
        "ingress": {"enabled": True},
        "scheduling": {"podPriority": {"enabled": True}, "userPlaceholder": {"enabled": True, "replicas": 2}},
        "hub": {"services": {"s": {}}},
        "singleuser": {"extraFiles": {"f": {"mountPath": "/f", "stringData": "x"}}},
        "imagePullSecret": {"create": True, "registry": "r", "username": "u", "password": "p"},
    }
    storage = json.dumps({"provisioner": "csi.example.org"})
    recorders = [register(values=json.dumps(everything), storageClass=storage), register(mode="helm")]
    found = {f"{kind} {name}" for recorder in recorders for kind, name in recorder.registered}
    known = set(Path(__file__).with_name("deployed_names.txt").read_text().splitlines())
    assert found == known
