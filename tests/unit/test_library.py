"""The library under mocks: Outputs anywhere in the settings, known or not, secret or not. No cluster is asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pulumi
import pytest
from google.protobuf.json_format import MessageToDict
from pulumi.runtime.rpc import UNKNOWN

from hubstack.chart import render
from hubstack.chart.load import load_values
from hubstack.chart.merge import merge_files
from hubstack.chart.release import Release
from hubstack.components.others import PLACEHOLDER_TOKENS
from tests.unit.test_components import SECRET_ENVELOPE, Recorder, plain_text

Place = tuple[Any, ...]


def register(make: Callable[[], dict[str, Any]], *, preview: bool = False) -> Recorder:
    """Register a JupyterHub of somebody's own program and return everything that was registered.

    Arguments:
        make: called inside of the program; returns the arguments.
        preview: whether outputs may be unknown.
    """
    recorder = Recorder()
    pulumi.runtime.set_mocks(recorder, project="somebodys", stack="test", preview=preview)
    monitor = pulumi.runtime.settings.get_monitor()
    answer = monitor.RegisterResource

    def with_unknowns(request: Any) -> Any:
        """The mocks leave out what is unknown; the engine gets it."""
        result = answer(request)
        if (request.type, request.name) in recorder.registered:
            recorder.registered[request.type, request.name].inputs = MessageToDict(request.object)
        return result

    monitor.RegisterResource = with_unknowns
    from hubstack import JupyterHub, JupyterHubArgs

    @pulumi.runtime.test
    def program() -> pulumi.Output[Any]:
        jupyterhub = JupyterHub("prod", JupyterHubArgs(**make()))
        return pulumi.Output.all(jupyterhub.url, jupyterhub.secret_token, jupyterhub.hub_image)

    program()
    return recorder


def unknown(text: str = "x") -> pulumi.Output[Any]:
    """An output that a preview does not know."""

    async def future(value: Any) -> Any:
        return value

    import asyncio

    return pulumi.Output(set(), asyncio.ensure_future(future(UNKNOWN)), asyncio.ensure_future(future(False)))


def objects(recorder: Recorder) -> dict[tuple[str, str], Any]:
    """The manifests of the registered objects, by kind and logical name; secrets in the open."""
    return {
        (kind.rpartition(":")[2], name): opened(args.inputs)
        for (kind, name), args in recorder.registered.items()
        if kind.startswith("kubernetes:")
    }


def opened(value: Any) -> Any:
    """A value without its secret envelopes."""
    if isinstance(value, Mapping):
        if SECRET_ENVELOPE in value:
            return opened(value["value"])
        return {key: opened(member) for key, member in value.items()}
    return [opened(member) for member in value] if isinstance(value, list) else value


def places(value: Any, wanted: Callable[[Any], bool], place: Place = ()) -> Iterator[Place]:
    """Where in a tree something is."""
    if wanted(value):
        yield place
    elif isinstance(value, Mapping):
        for key, member in value.items():
            yield from places(member, wanted, (*place, key))
    elif isinstance(value, list):
        for at, member in enumerate(value):
            yield from places(member, wanted, (*place, at))


VALUES: dict[str, Callable[[Callable[[Any], Any]], dict[str, Any]]] = {
    "database": lambda of: {"hub": {"db": {"type": "postgres", "url": of("postgres://u:p@db/hub")}}},
    "environment": lambda of: {"singleuser": {"extraEnv": {"A": of("b")}}, "hub": {"extraEnv": {"C": of("d")}}},
    "reference": lambda of: {
        "hub": {"extraEnv": {"A": of({"valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}})}}
    },
    "image": lambda of: {"hub": {"image": {"name": of("example.org/hub"), "tag": of("9")}}},
    "config": lambda of: {"hub": {"config": {"GitHubOAuthenticator": {"client_id": of("i"), "scope": of(["a", "b"])}}}},
    "code": lambda of: {"hub": {"extraConfig": {"a": of("c.JupyterHub.log_level = 10")}}},
    "numbers": lambda of: {"singleuser": {"cpu": {"limit": of(2.5)}, "memory": {"guarantee": of("2G")}}},
    "choice": lambda of: {"proxy": {"service": {"type": of("ClusterIP")}}},
    "flag": lambda of: {"debug": {"enabled": of(True)}},
    "maps and lists": lambda of: {
        "hub": {"nodeSelector": of({"pool": "core"}), "extraVolumes": of([{"name": "v", "emptyDir": {}}])}
    },
    "member of a list": lambda of: {"ingress": {"enabled": True, "hosts": ["a.example.org", of("b.example.org")]}},
    "annotations": lambda of: {"hub": {"serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": of("arn:x")}}}},
    "token": lambda of: {
        "hub": {"services": {"s": {"apiToken": of("t" * 32)}}},
        "proxy": {"secretToken": of("u" * 32)},
    },
    "certificate": lambda of: {
        "proxy": {
            "https": {"enabled": True, "type": "manual", "manual": {"key": of("k"), "cert": of("c")}, "hosts": ["h"]}
        }
    },
    "profiles": lambda of: {
        "singleuser": {"profileList": [{"display_name": of("a"), "kubespawner_override": {"cpu": of(1)}}]}
    },
    "files": lambda of: {"hub": {"extraFiles": {"f": {"mountPath": "/f", "stringData": of("text")}}}},
}
"""Settings of every kind, as functions of what a leaf is wrapped in."""


def everything(of: Callable[[Any], Any], *but: str) -> dict[str, Any]:
    """The settings of every case together."""
    return merge_files([case(of) for name, case in VALUES.items() if name not in but])


@pytest.mark.parametrize("mode", ["native", "helm"])
def test_known_outputs_lead_to_what_plain_values_lead_to(mode: str) -> None:
    """An update with outputs deploys exactly what it deploys with the same values in plain text, in both modes."""
    wrapped = register(lambda: {"values": everything(pulumi.Output.from_input), "mode": mode})
    plain = register(lambda: {"values": everything(lambda value: value), "mode": mode})
    assert objects(wrapped) == objects(plain)


def test_a_preview_is_known_wherever_no_output_goes() -> None:
    """With all outputs unknown, what is known equals what plain values lead to, and no object is unknown as a whole."""
    previewed = objects(register(lambda: {"values": everything(lambda value: unknown())}, preview=True))
    plain = objects(register(lambda: {"values": everything(lambda value: value)}))
    assert previewed.keys() == plain.keys()
    for key, manifest in previewed.items():
        not_known = set(places(manifest, lambda value: value == UNKNOWN))
        assert () not in not_known
        assert without(manifest, not_known) == without(plain[key], not_known)


def test_a_preview_is_unknown_only_where_the_output_goes() -> None:
    """An unknown address of the database is unknown in the hub's Secret, and in the checksum that tells of it."""
    values = VALUES["database"](lambda value: unknown())
    previewed = objects(register(lambda: {"values": values}, preview=True))
    not_known = {key: list(places(each, lambda value: value == UNKNOWN)) for key, each in previewed.items()}
    assert {key: found for key, found in not_known.items() if found} == {
        ("Secret", "prod-hub-secret"): [("data", "values.yaml")],
        ("Deployment", "prod-hub-deployment"): [("spec", "template", "metadata", "annotations", "checksum/secret")],
    }


def without(value: Any, left_out: set[Place], place: Place = ()) -> Any:
    """A tree with None at some places."""
    if place in left_out:
        return None
    if isinstance(value, Mapping):
        return {key: without(member, left_out, (*place, key)) for key, member in value.items()}
    if isinstance(value, list):
        return [without(member, left_out, (*place, at)) for at, member in enumerate(value)]
    return value


def test_one_variable_is_one_unknown_field() -> None:
    """Of the hub's pod only the variable's value is unknown, not the pod."""
    previewed = objects(
        register(lambda: {"values": {"hub": {"extraEnv": {"A": unknown(), "B": "known"}}}}, preview=True)
    )
    container = previewed["Deployment", "prod-hub-deployment"]["spec"]["template"]["spec"]["containers"][0]
    (place,) = places(container, lambda value: value == UNKNOWN)
    assert place[0] == "env"
    assert {"name": "B", "value": "known"} in container["env"]


@pytest.mark.parametrize("mode", ["native", "helm"])
def test_secrets_stay_secret(mode: str) -> None:
    """Whatever a secret output goes into is a secret, in both modes."""
    sentinel = "sentinel4f2a"

    def hide(value: Any) -> Any:
        if isinstance(value, str):
            value = f"# {sentinel}" if "\n" in value or " = " in value else sentinel
        return pulumi.Output.secret(value)

    recorder = register(lambda: {"values": everything(hide, "choice"), "mode": mode})
    assert sentinel not in " ".join(plain_text(args.inputs) for args in recorder.registered.values())


@pytest.mark.parametrize(
    ("values", "path"),
    [
        (
            lambda: {"hub": {"networkPolicy": {"enabled": pulumi.Output.from_input(True)}}},
            "values.hub.networkPolicy.enabled",
        ),
        (lambda: {"hub": {"db": {"type": pulumi.Output.from_input("postgres")}}}, "values.hub.db.type"),
        (lambda: {"fullnameOverride": pulumi.Output.from_input("x")}, "values.fullnameOverride"),
        (lambda: {"hub": pulumi.Output.from_input({"baseUrl": "/x"})}, "values.hub"),
        (lambda: pulumi.Output.from_input({}), "values"),
        (lambda: {"hub": {"existingSecret": pulumi.Output.from_input("x")}}, None),
    ],
)
def test_what_decides_objects_must_be_plain(values: Callable[[], Any], path: str | None) -> None:
    """Which objects exist, and their names, must be known when the program runs: one error with the setting's path."""
    if path is None:
        register(lambda: {"values": values()})
        return
    with pytest.raises(pulumi.RunError, match=rf"^{re.escape(path)}: is an Output; it decides which objects exist"):
        register(lambda: {"values": values()})


def test_everything_wrong_is_said_at_once() -> None:
    """Plain mistakes beside an output are found before anything is registered."""
    values = {"hub": {"db": {"url": pulumi.Output.from_input("x")}, "nonsense": 1}, "culll": {}}
    with pytest.raises(pulumi.RunError, match=r"(?s)hub\.nonsense.*culll|culll.*hub\.nonsense"):
        register(lambda: {"values": {**values, "hub": {**values["hub"], "db": {"url": pulumi.Output.from_input("x")}}}})


def test_a_namespace_of_another_resource() -> None:
    """The namespace may be an output: it is not created, and everything goes into it."""
    found = objects(register(lambda: {"namespace": pulumi.Output.from_input("elsewhere"), "release_name": "jhub"}))
    plain = objects(register(lambda: {"namespace": "elsewhere", "release_name": "jhub", "create_namespace": False}))
    assert found == plain
    assert not any(kind == "Namespace" for kind, _ in found)


def test_outputs_in_an_unknown_namespace() -> None:
    """A namespace that a preview does not know takes nothing away from what the values may be."""
    values = VALUES["environment"]
    previewed = objects(register(lambda: {"namespace": unknown(), "values": values(lambda _: unknown())}, preview=True))
    plain = objects(register(lambda: {"create_namespace": False, "values": values(lambda value: value)}))
    assert previewed.keys() == {(kind, name) for kind, name in plain}


def test_objects_are_those_of_the_chart() -> None:
    """The library makes what the builders describe: for each of them one registered object of the same name."""
    loaded = load_values([], {})
    described = render.objects(Release("jhub", "jhub", loaded.values, loaded.tree), PLACEHOLDER_TOKENS)
    found = objects(register(lambda: {"create_namespace": False}))
    assert {(each["kind"], each["metadata"]["name"]) for each in found.values()} == {
        (each["kind"], each["metadata"]["name"]) for each in described
    }


def test_typed_children() -> None:
    """The parts of a JupyterHub are attributes with their own type, and say so where a mode has none."""
    from hubstack import ImagePuller, JupyterHub, JupyterHubArgs
    from hubstack.components import hub, kubernetes

    pulumi.runtime.set_mocks(Recorder(), project="somebodys", stack="test", preview=False)

    @pulumi.runtime.test
    def program() -> None:
        native = JupyterHub("prod", JupyterHubArgs())
        assert isinstance(native.hub, hub.Hub)
        assert isinstance(native.hub.deployment, kubernetes.Deployment)
        assert isinstance(native.image_puller, ImagePuller)
        with pytest.raises(AttributeError, match="only a JupyterHub in mode helm"):
            native.release  # noqa: B018
        with pytest.raises(AttributeError, match="only a JupyterHub in mode native"):
            JupyterHub("other", JupyterHubArgs(mode="helm")).hub  # noqa: B018

    program()


def test_a_component_alone() -> None:
    """Image pullers, placeholders, a StorageClass and tokens can be used without a JupyterHub."""
    from hubstack import (
        ImagePuller,
        ImagePullerArgs,
        StorageClass,
        StorageClassArgs,
        Tokens,
        TokensArgs,
        UserPlaceholder,
        UserPlaceholderArgs,
    )

    recorder = Recorder()
    pulumi.runtime.set_mocks(recorder, project="somebodys", stack="test", preview=False)

    @pulumi.runtime.test
    def program() -> None:
        ImagePuller(
            "pull", ImagePullerArgs(namespace="lab", values={"singleuser": {"image": {"name": "i", "tag": "1"}}})
        )
        replicas = pulumi.Output.from_input(7)
        values: Any = {"scheduling": {"podPriority": {"enabled": True}}}
        UserPlaceholder("hold", UserPlaceholderArgs(namespace="lab", replicas=replicas, values=values))
        StorageClass("disks", StorageClassArgs(name="fast", provisioner=pulumi.Output.from_input("ebs.csi.aws.com")))
        Tokens("tokens", TokensArgs(services=["exporter"]))

    program()
    found = objects(recorder)
    assert found["StatefulSet", "hold-stateful-set"]["spec"]["replicas"] == 7
    assert found["StorageClass", "disks-storage-class"]["provisioner"] == "ebs.csi.aws.com"
    assert {each["metadata"].get("namespace") for each in found.values()} == {"lab", None}
    assert {kind for kind, _ in found} == {
        "DaemonSet",
        "ServiceAccount",
        "PriorityClass",
        "StatefulSet",
        "StorageClass",
        "PodDisruptionBudget",
    }
