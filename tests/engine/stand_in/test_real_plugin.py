"""The stand-in answers as the real plugin does: the same requests to both, whole answers compared.

Only three things may differ: the bytes that are drawn, the words of a refusal, and that the stand-in refuses what the
real plugin cannot make anything of.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from pulumi.runtime.proto import provider_pb2 as pb

from tests.plugin_process import Plugin, running, struct

ID = "random:index/randomId:RandomId"
URN = "urn:pulumi:dev::hubstack::hubstack:index:Tokens${}::tokens-proxy"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
REFUSED = "refused"

INPUTS: list[dict[str, Any]] = [
    {"byteLength": 4},
    {"byteLength": 32},
    {"byteLength": "4"},
    {"byteLength": 4, "keepers": {"rotation": "2"}},
    {"byteLength": 4, "keepers": {}},
    {"byteLength": 4, "keepers": None},
    {"byteLength": 4, "keepers": {"a": None}},
    {
        "byteLength": 4,
        "keepers": {"a": 1, "b": 1.5, "c": True, "d": 1e21, "e": 1e-7, "f": "", "g": -0.0, "h": 123456789},
    },
    {"byteLength": 4, "prefix": "p-"},
    {"byteLength": 4, "prefix": ""},
    {"byteLength": 4, "prefix": 5},
    {"byteLength": 4, "prefix": True},
    {"byteLength": 4, "other": "x"},
    {"byteLength": 4, "__defaults": []},
]
"""Inputs that may be created."""
UNKNOWN_YET: list[dict[str, Any]] = [
    {"byteLength": UNKNOWN},
    {"byteLength": 4, "keepers": UNKNOWN},
    {"byteLength": 4, "keepers": {"a": UNKNOWN, "b": "x"}},
]
BAD: list[dict[str, Any]] = [
    {},
    {"byteLength": None},
    {"byteLength": 1.5},
    {"byteLength": "x"},
    {"byteLength": True},
    {"byteLength": 1e19},
    {"byteLength": 4, "keepers": "x"},
    {"byteLength": 4, "keepers": {"a": ["x"]}},
    {"byteLength": 4, "hex": "ab"},
]
CHANGES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"byteLength": 4, **before}, {"byteLength": 4, **after})
    for before, after in [
        ({}, {}),
        ({}, {"byteLength": 5}),
        ({}, {"byteLength": UNKNOWN}),
        ({}, {"keepers": {}}),
        ({}, {"keepers": {"a": None}}),
        ({}, {"keepers": {"a": "b"}}),
        ({}, {"keepers": UNKNOWN}),
        ({"keepers": {}}, {}),
        ({"keepers": {}}, {"keepers": {"a": "b"}}),
        ({"keepers": {"a": None}}, {}),
        ({"keepers": {"a": "b"}}, {}),
        ({"keepers": {"a": "b"}}, {"keepers": {}}),
        ({"keepers": {"a": "b"}}, {"keepers": {"a": "b"}}),
        ({"keepers": {"a": "b"}}, {"keepers": {"a": "c"}}),
        ({"keepers": {"a": "b"}}, {"keepers": {"a": ""}}),
        ({"keepers": {"a": "b"}}, {"keepers": {"a": None}}),
        ({"keepers": {"a": "b"}}, {"keepers": {"a": "b", "c": "d"}}),
        ({"keepers": {"a": "b"}}, {"keepers": {"a": "b", "c": None}}),
        ({"keepers": {"a": "b"}}, {"keepers": {"a": UNKNOWN}}),
        ({"keepers": {"a": "b"}}, {"keepers": UNKNOWN}),
        ({"keepers": {"a": "b", "c": "d"}}, {"keepers": {"a": "b"}}),
        ({"keepers": {"a": 1}}, {"keepers": {"a": "1"}}),
        ({"keepers": {"a": "b"}}, {"byteLength": 5, "keepers": {"a": "c"}}),
        ({}, {"prefix": "p"}),
        ({"prefix": "p"}, {}),
        ({"prefix": "p"}, {"prefix": "q"}),
        ({"prefix": "p"}, {"prefix": ""}),
        ({"prefix": "p"}, {"prefix": UNKNOWN}),
    ]
]
IDS = ("q83vEg", "q83vEg==", "_-_-", "/+/+", "p-,q83vEg", "p-,q83vEg==", "a,b,q83vEg", "q83vE", "!!")


@pytest.fixture(scope="module")
def both(real: Path, stand_in: Path) -> Iterator[tuple[Plugin, Plugin]]:
    with running(real) as first, running(stand_in) as second:
        for plugin in (first, second):
            plugin.ask("Configure", pb.ConfigureRequest(args=struct({"version": "4.21.1"}), acceptSecrets=True))
        yield first, second


def answer(plugin: Plugin, method: str, request: Message) -> Any:
    """The whole answer, or that there is none."""
    try:
        found = plugin.ask(method, request)
    except grpc.RpcError as error:
        if error.code() == grpc.StatusCode.UNAVAILABLE:  # the plugin has crashed
            raise
        return REFUSED
    return REFUSED if found.get("failures") else found


def create(plugin: Plugin, inputs: dict[str, Any], **more: Any) -> Any:
    return answer(plugin, "Create", pb.CreateRequest(urn=URN.format(ID), properties=struct(inputs), **more))


def answers(both: tuple[Plugin, Plugin], method: str, requests: Iterable[Message]) -> tuple[list[Any], list[Any]]:
    """Requests with the answers of either."""
    asked = list(requests)
    first, second = ([(str(each), answer(plugin, method, each)) for each in asked] for plugin in both)
    return first, second


def without_bytes(text: Any, raw: bytes) -> Any:
    """An answer with a name in place of each notation of the bytes; only exact notations are replaced."""
    notations = {
        raw.hex(): "HEX",
        base64.b64encode(raw).decode(): "BASE64",
        base64.urlsafe_b64encode(raw).decode().rstrip("="): "URL",
        str(int(raw.hex(), 16)): "DECIMAL",
    }
    if isinstance(text, dict):
        return {name: without_bytes(value, raw) for name, value in text.items()}
    if isinstance(text, list):
        return [without_bytes(value, raw) for value in text]
    if not isinstance(text, str):
        return text
    pattern = "|".join(re.escape(each) for each in sorted(notations, key=len, reverse=True))
    return re.sub(f"({pattern})$", lambda match: notations[match[0]], text)


def drawn(created: dict[str, Any]) -> bytes:
    """The bytes that a new resource has."""
    return base64.urlsafe_b64decode(created["id"] + "=" * (-len(created["id"]) % 4))


def test_the_real_plugin_is_the_one_that_is_stood_in_for(both: tuple[Plugin, Plugin]) -> None:
    """The same version, but for the stand-in's ending; the same way of being configured."""
    first, second = (plugin.ask("GetPluginInfo", Empty()) for plugin in both)
    assert {"version": f"{first['version']}+hubstack"} == second
    request = pb.ConfigureRequest(args=struct({"version": "4.21.1"}), acceptSecrets=True, acceptResources=True)
    first, second = answers(both, "Configure", [request])
    assert first == second
    settings = ({"version": "4.21.1"}, {"pluginDownloadURL": "x"}, {"seed": "1"})
    requests = (pb.CheckRequest(urn=URN.format("pulumi:providers:random"), news=struct(each)) for each in settings)
    first, second = answers(both, "CheckConfig", requests)
    assert first == second


def test_check(both: tuple[Plugin, Plugin]) -> None:
    """The same inputs come back, or both refuse."""
    inputs = [*INPUTS, *UNKNOWN_YET, *BAD]
    requests = (pb.CheckRequest(urn=URN.format(ID), news=struct(each)) for each in inputs)
    first, second = answers(both, "Check", requests)
    assert first == second
    assert [found == REFUSED for _, found in first] == [each in BAD for each in inputs]


def test_create(both: tuple[Plugin, Plugin]) -> None:
    """The same properties, secret in the same places, with as many bytes in the same notations."""
    for inputs in INPUTS:
        made = [create(plugin, inputs) for plugin in both]
        assert [len(drawn(each)) for each in made] == [int(inputs["byteLength"])] * 2
        first, second = (without_bytes(each, drawn(each)) for each in made)
        assert first == second
        assert "HEX" in str(first)


def test_preview_of_a_create(both: tuple[Plugin, Plugin]) -> None:
    """The same is known before there are bytes."""
    requests = (
        pb.CreateRequest(urn=URN.format(ID), properties=struct(inputs), preview=True)
        for inputs in (*INPUTS, *UNKNOWN_YET)
    )
    first, second = answers(both, "Create", requests)
    assert first == second


@pytest.mark.parametrize("maker", ["real", "stand-in"])
def test_diff(both: tuple[Plugin, Plugin], maker: str) -> None:
    """Of a state that either has made, both say the same: what changes, and what is replaced."""
    first, second = answers(both, "Diff", (pb.DiffRequest(**each) for each, _ in changes(both, maker)))
    assert first == second


def test_update(both: tuple[Plugin, Plugin]) -> None:
    """Where neither wants a replacement, both make the same of it; where one is needed, no engine asks."""
    kept = 0
    for request, after in changes(both, "real"):
        replacing = "replaces" in answer(both[0], "Diff", pb.DiffRequest(**request))
        for preview in (True, False) if UNKNOWN not in str(after) else (True,):
            first, second = (answer(plugin, "Update", pb.UpdateRequest(**request, preview=preview)) for plugin in both)
            assert second == (REFUSED if replacing else first), after
        kept += not replacing
    assert kept


def changes(both: tuple[Plugin, Plugin], maker: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """What diffs and updates ask, for a new resource each time; beside it the new inputs."""
    for before, after in CHANGES:
        made = create(both[maker == "stand-in"], before)
        request = {
            "id": made["id"],
            "urn": URN.format(ID),
            "old_inputs": struct(before),
            "olds": struct(made["properties"]),
            "news": struct(after),
        }
        yield request, after


@pytest.mark.parametrize("maker", ["real", "stand-in"])
def test_read_of_what_is_known(both: tuple[Plugin, Plugin], maker: str) -> None:
    """A refresh gives the same inputs and properties back, whoever has made them; with and without the notes."""
    for inputs in INPUTS:
        made = create(both[maker == "stand-in"], inputs)
        bare = {name: value for name, value in made["properties"].items() if not name.startswith("__")}
        requests = (
            pb.ReadRequest(id=made["id"], urn=URN.format(ID), properties=struct(known), inputs=struct(inputs))
            for known in (made["properties"], bare)
        )
        first, second = answers(both, "Read", requests)
        assert first == second
        assert [found["properties"] for _, found in first] == [made["properties"]] * 2


def test_import(both: tuple[Plugin, Plugin]) -> None:
    """The same is made of an id, or both refuse it."""
    first, second = answers(both, "Read", (pb.ReadRequest(id=each, urn=URN.format(ID)) for each in IDS))
    assert first == second
    assert {REFUSED} < {found if found == REFUSED else found["id"] for _, found in first}


def test_delete(both: tuple[Plugin, Plugin]) -> None:
    """Nothing is to be done, by either."""
    for maker in both:
        made = create(maker, {"byteLength": 4})
        request = pb.DeleteRequest(id=made["id"], urn=URN.format(ID), properties=struct(made["properties"]))
        assert [answer(plugin, "Delete", request) for plugin in both] == [{}, {}]
