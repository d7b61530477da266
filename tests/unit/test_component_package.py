"""What a program in another language gives reaches the components as a Python program would have given it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pulumi
import pytest
import yaml

from hubstack.component_package import ComponentPackage
from tests.unit.test_components import Recorder
from tests.unit.test_library import opened


def construct(kind: str, inputs: Callable[[], dict[str, Any]]) -> Recorder:
    """Make a component as the engine asks for it, and return everything that was registered.

    Arguments:
        kind: the component.
        inputs: what the program gives; called inside of the program.
    """
    recorder = Recorder()
    pulumi.runtime.set_mocks(recorder, project="somebodys", stack="test", preview=False)

    @pulumi.runtime.test
    def program() -> pulumi.Output[Any]:
        made = ComponentPackage().construct("lab", f"hubstack:index:{kind}", inputs())
        return pulumi.Output.all(made.urn, *made.state.values())

    program()
    return recorder


def registered(recorder: Recorder, name: str) -> Any:
    """The inputs of the resource with a logical name."""
    (found,) = (args.inputs for (_, each), args in recorder.registered.items() if each == name)
    return found


def test_names_are_those_of_python() -> None:
    """Names of the schema are those of the language; nested types have them, too."""
    inputs = {"storageClass": {"provisioner": "ebs.csi.aws.com", "reclaimPolicy": "Delete"}, "createNamespace": False}
    storage = registered(construct("JupyterHub", lambda: inputs), "lab-storage-storage-class")
    assert (storage["provisioner"], storage["reclaimPolicy"]) == ("ebs.csi.aws.com", "Delete")


@pytest.mark.parametrize("wrapped", [lambda number: number, pulumi.Output.from_input], ids=["plain", "output"])
def test_integers_are_integers(wrapped: Callable[[float], Any]) -> None:
    """The protocol has only one kind of number; a whole one is an integer, as JSON and YAML write it."""
    recorder = construct(
        "JupyterHub",
        lambda: {"values": {"singleuser": {"cpu": {"limit": wrapped(2.0), "guarantee": wrapped(0.5)}}}},
    )
    secret = opened(registered(recorder, "lab-hub-secret"))
    text = base64.b64decode(secret["data"]["values.yaml"]).decode()
    assert json.dumps(yaml.safe_load(text)["singleuser"]["cpu"]) == '{"guarantee": 0.5, "limit": 2}'


@pytest.mark.parametrize(
    ("kind", "inputs", "text"),
    [
        ("Hub", {}, "no such component; there are: ImagePuller, JupyterHub, StorageClass, Tokens, UserPlaceholder"),
        ("StorageClass", {}, "provisioner: missing; it must be set"),
        ("Tokens", {"service": ["a"]}, "service: no such setting; there are: adopted, protect, rotate, services"),
        ("JupyterHub", {"values": {"culll": {}}}, "culll"),
        ("JupyterHub", {"mode": "other"}, "mode: 'other' is not allowed; use one of: native, helm"),
    ],
)
def test_what_is_wrong_is_one_error(kind: str, inputs: dict[str, Any], text: str) -> None:
    """Settings that are wrong are an error that the engine shows as it is, and nothing is registered."""
    with pytest.raises(pulumi.InputPropertiesError, match=text):
        construct(kind, lambda: inputs)
