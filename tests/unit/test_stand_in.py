"""The stand-in for the plugin random, asked as the engine asks it: a process, and whole answers over gRPC."""

from __future__ import annotations

import base64
import os
import select
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import provider_pb2 as pb

from hubstack.stand_in import launcher
from tests.plugin_process import NOBODY, Plugin, running, struct

ID = "random:index/randomId:RandomId"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


def secret(value: object) -> dict[str, object]:
    return {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "value": value}


def note(**inputs: object) -> dict[str, object]:
    return {"__pulumi_raw_state_delta": {"obj": {"ps": inputs}}}


NOT_GIVEN = secret({"replace": {"raw": None}})
GIVEN = {"map": {}}

FOUND_ID = {
    "id": "q83vEg",
    "b64Url": "q83vEg",
    "b64Std": "q83vEg==",
    "hex": "abcdef12",
    "dec": "2882400018",
    "byteLength": 4.0,
}


URN = "urn:pulumi:dev::hubstack::hubstack:index:Tokens${}::tokens-proxy"


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return launcher.executable(tmp_path_factory.mktemp("it's a folder") / "pulumi-resource-random")


@pytest.fixture(scope="module")
def plugin(stand_in: Path) -> Iterator[Plugin]:
    with running(stand_in) as plugin:
        yield plugin


def check(plugin: Plugin, news: dict[str, Any]) -> dict[str, Any]:
    return plugin.ask("Check", pb.CheckRequest(urn=URN.format(ID), news=struct(news)))


def create(plugin: Plugin, news: dict[str, Any], *, preview: bool = False) -> dict[str, Any]:
    return plugin.ask("Create", pb.CreateRequest(urn=URN.format(ID), properties=struct(news), preview=preview))


def diff(plugin: Plugin, olds: dict[str, Any], news: dict[str, Any]) -> dict[str, Any]:
    request = pb.DiffRequest(id="q83vEg", urn=URN.format(ID), olds=struct(olds), news=struct(news))
    return plugin.ask("Diff", request)


def update(plugin: Plugin, olds: dict[str, Any], news: dict[str, Any], **more: Any) -> dict[str, Any]:
    request = pb.UpdateRequest(id="q83vEg", urn=URN.format(ID), olds=struct(olds), news=struct(news), **more)
    return plugin.ask("Update", request)


def found(inputs: dict[str, Any]) -> dict[str, Any]:
    """Properties of a resource with the bytes abcdef12."""
    return {**FOUND_ID, **inputs}


def test_it_says_what_it_is(plugin: Plugin) -> None:
    """Its version is the real plugin's with an ending of its own, so that nobody takes it for the real one."""
    assert plugin.ask("GetPluginInfo", Empty()) == {"version": "4.21.1+hubstack"}
    assert plugin.ask("Configure", pb.ConfigureRequest(args=struct({"version": "4.21.1"}), acceptSecrets=True)) == {
        "acceptResources": True,
        "supportsPreview": True,
        "supportsAutonamingConfiguration": True,
    }


def test_configuration(plugin: Plugin) -> None:
    """The provider has no settings but the engine's own; another version never replaces what it made."""

    def checked(news: dict[str, Any]) -> dict[str, Any]:
        return plugin.ask("CheckConfig", pb.CheckRequest(urn=URN.format("pulumi:providers:random"), news=struct(news)))

    assert checked({"version": "4.21.1"}) == {"inputs": {"version": "4.21.1"}}
    assert checked({"seed": "1"}) == {
        "inputs": {"seed": "1"},
        "failures": [{"property": "seed", "reason": "seed is no setting of this provider"}],
    }
    request = pb.DiffRequest(old_inputs=struct({"version": "4.21.1"}), news=struct({"version": "4.22.0"}))
    assert plugin.ask("DiffConfig", request) == {"changes": "DIFF_SOME", "diffs": ["version"]}


@pytest.mark.parametrize(
    ("more", "shown"),
    [
        ({}, {}),
        ({"keepers": {"rotation": "2"}}, {"keepers": {"rotation": "2"}}),
        ({"keepers": None}, {"keepers": None}),
        ({"keepers": UNKNOWN}, {"keepers": UNKNOWN}),
        ({"keepers": secret({"rotation": secret("2")})}, {"keepers": {"rotation": "2"}}),
    ],
)
def test_check_gives_the_inputs_back(plugin: Plugin, more: dict[str, Any], shown: dict[str, Any]) -> None:
    """Good inputs come back as they were, secrets in the open, as the real plugin does it."""
    length = {"byteLength": 32.0}
    assert check(plugin, {**length, **more}) == {"inputs": {**length, **shown}}


@pytest.mark.parametrize(
    ("news", "name", "reason"),
    [
        ({}, "byteLength", "byteLength is required: the number of bytes"),
        ({"byteLength": None}, "byteLength", "byteLength is required: the number of bytes"),
        ({"byteLength": 0.0}, "byteLength", "byteLength must be from 1 to 65536, not 0"),
        ({"byteLength": -1.0}, "byteLength", "byteLength must be from 1 to 65536, not -1"),
        ({"byteLength": 1e19}, "byteLength", "byteLength must be from 1 to 65536, not 10000000000000000000"),
        ({"byteLength": 1.5}, "byteLength", "byteLength must be a whole number, not 1.5"),
        ({"byteLength": "x"}, "byteLength", "byteLength must be a whole number, not 'x'"),
        ({"byteLength": True}, "byteLength", "byteLength must be a whole number, not True"),
        ({"byteLength": 4.0, "keepers": "x"}, "keepers", "keepers must be a map of texts, not 'x'"),
        ({"byteLength": 4.0, "keepers": {"a": ["x"]}}, "keepers", "keepers must be text, not ['x']"),
        ({"byteLength": 4.0, "hex": "ab"}, "hex", "hex is an output, and cannot be set"),
    ],
)
def test_check_refuses(plugin: Plugin, news: dict[str, Any], name: str, reason: str) -> None:
    """Bad inputs come back with the property and what is wrong with it."""
    assert check(plugin, news) == {"inputs": news, "failures": [{"property": name, "reason": reason}]}


@pytest.mark.parametrize("length", [1, 4, 32])
def test_a_new_random_id(plugin: Plugin, length: int) -> None:
    """All notations, and the id, are of the same bytes; nothing is secret."""
    answer = create(plugin, {"byteLength": length, "keepers": {"rotation": "2"}})
    raw = bytes.fromhex(answer["properties"]["hex"])
    assert len(raw) == length
    assert answer == {
        "id": base64.urlsafe_b64encode(raw).decode().rstrip("="),
        "properties": {
            "id": answer["id"],
            "b64Url": answer["id"],
            "b64Std": base64.b64encode(raw).decode(),
            "hex": raw.hex(),
            "dec": str(int(raw.hex(), 16)),
            "byteLength": float(length),
            "keepers": {"rotation": "2"},
            **note(keepers=GIVEN, prefix=NOT_GIVEN),
        },
    }


def test_a_prefix_is_in_all_notations_but_not_in_the_id(plugin: Plugin) -> None:
    """As in the real plugin; a prefix that is no text becomes one."""
    answer = create(plugin, {"byteLength": 4, "prefix": 5})
    properties = answer["properties"]
    raw = bytes.fromhex(properties["hex"].removeprefix("5"))
    assert properties == {
        "id": answer["id"],
        "b64Url": f"5{answer['id']}",
        "b64Std": "5" + base64.b64encode(raw).decode(),
        "hex": f"5{raw.hex()}",
        "dec": f"5{int(raw.hex(), 16)}",
        "byteLength": 4.0,
        "prefix": "5",
        **note(keepers=NOT_GIVEN),
    }


def test_no_two_are_alike(plugin: Plugin) -> None:
    """Bytes are drawn anew for each resource."""
    assert len({create(plugin, {"byteLength": 16})["id"] for _ in range(100)}) == 100


def test_keepers_become_text(plugin: Plugin) -> None:
    """Numbers and truth values are written as the real plugin writes them; null stays null."""
    keepers = {"a": 1, "b": 1.5, "c": True, "d": None, "e": 1e21, "f": 1e-7, "g": "x", "h": False}
    text = {"a": "1", "b": "1.5", "c": "true", "d": None, "e": "1" + 21 * "0", "f": "0.0000001", "g": "x", "h": "false"}
    assert create(plugin, {"byteLength": 4, "keepers": keepers})["properties"]["keepers"] == text


def test_a_preview_makes_nothing(plugin: Plugin) -> None:
    """It has no id, and what only the bytes can tell is unknown; so is what the inputs do not know yet."""
    assert create(plugin, {"byteLength": 4, "keepers": {"a": UNKNOWN}}, preview=True) == {
        "properties": {
            **dict.fromkeys(("id", "b64Url", "b64Std", "hex", "dec"), UNKNOWN),
            "byteLength": 4.0,
            "keepers": {"a": UNKNOWN},
        }
    }


CHANGES: list[tuple[dict[str, Any], dict[str, Any], list[str], list[str]]] = [
    ({}, {}, [], []),
    ({}, {"byteLength": 5.0}, ["byteLength"], ["byteLength"]),
    ({}, {"byteLength": UNKNOWN}, ["byteLength"], ["byteLength"]),
    ({}, {"keepers": {"a": "b"}}, ["keepers"], ["keepers"]),
    ({"keepers": {"a": "b"}}, {"keepers": {"a": "b"}}, [], []),
    ({"keepers": {"a": "b"}}, {"keepers": {"a": "c"}}, ["keepers"], ["keepers"]),
    ({"keepers": {"a": "b"}}, {"keepers": {"a": "b", "c": "d"}}, ["keepers"], ["keepers"]),
    ({"keepers": {"a": "b", "c": "d"}}, {"keepers": {"a": "b"}}, ["keepers"], ["keepers"]),
    ({"keepers": {"a": "b"}}, {"keepers": {}}, ["keepers"], ["keepers"]),
    ({"keepers": {"a": "b"}}, {}, ["keepers"], ["keepers"]),
    ({"keepers": {"a": "b"}}, {"keepers": UNKNOWN}, ["keepers"], ["keepers"]),
    ({"keepers": {"a": "1"}}, {"keepers": {"a": 1.0}}, [], []),
    # nothing appears, changes or goes away among the values: the bytes stay
    ({}, {"keepers": {}}, ["keepers"], []),
    ({"keepers": {}}, {}, ["keepers"], []),
    ({}, {"keepers": {"a": None}}, ["keepers"], []),
    ({"keepers": {"a": "b"}}, {"keepers": {"a": "b", "c": None}}, ["keepers"], []),
    ({}, {"keepers": UNKNOWN}, ["keepers"], []),
    ({"keepers": {"a": None}}, {}, ["keepers"], ["keepers"]),
    ({}, {"prefix": "p"}, ["prefix"], ["prefix"]),
    ({"prefix": "p"}, {"prefix": "q"}, ["prefix"], ["prefix"]),
    ({"prefix": "p"}, {"prefix": ""}, ["prefix"], ["prefix"]),
    ({"prefix": "p"}, {}, ["prefix"], ["prefix"]),
]


@pytest.mark.parametrize(("before", "after", "changed", "replacing"), CHANGES)
def test_diff(
    plugin: Plugin, before: dict[str, Any], after: dict[str, Any], changed: list[str], replacing: list[str]
) -> None:
    """Which inputs differ, and which of them make new bytes necessary."""
    expected: dict[str, Any] = {"changes": "DIFF_SOME" if changed else "DIFF_NONE"}
    if changed:
        expected["diffs"] = changed
    if replacing:
        expected["replaces"] = replacing
    assert diff(plugin, found(before), {"byteLength": 4.0, **after}) == expected


def test_update_keeps_the_bytes(plugin: Plugin) -> None:
    """What makes no new resource necessary changes inputs and nothing else; a preview has no notes for the state."""
    noted = note(keepers=GIVEN, prefix=NOT_GIVEN)
    olds, news = found({}), {"byteLength": 4.0, "keepers": {}}
    assert update(plugin, olds, news) == {"properties": {**FOUND_ID, "keepers": {}, **noted}}
    assert update(plugin, olds, news, preview=True) == {"properties": {**FOUND_ID, "keepers": {}}}


@pytest.mark.parametrize("news", [{"byteLength": 5}, {"byteLength": 4, "keepers": {"a": "b"}}])
def test_update_refuses_what_needs_new_bytes(plugin: Plugin, news: dict[str, Any]) -> None:
    """The engine replaces such a resource; bytes that do not fit their inputs never reach a state."""
    with pytest.raises(grpc.RpcError, match="makes a new resource necessary") as error:
        update(plugin, found({}), news)
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_read_gives_the_state_back(plugin: Plugin) -> None:
    """There is nothing else that could be looked at; an older state without notes gets them."""
    inputs = {"byteLength": 4.0, "keepers": {"a": "b"}}
    notes = note(keepers=GIVEN, prefix=NOT_GIVEN)
    state = found(inputs)
    for known in (state, {**state, **notes}):
        request = pb.ReadRequest(id="q83vEg", urn=URN.format(ID), properties=struct(known), inputs=struct(inputs))
        answer = {"id": "q83vEg", "properties": {**state, **notes}, "inputs": inputs}
        assert plugin.ask("Read", request) == answer


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (
            "q83vEg",
            {
                "id": "q83vEg",
                "inputs": {"byteLength": 4.0},
                "properties": {**FOUND_ID, **note(keepers=NOT_GIVEN, prefix=NOT_GIVEN)},
            },
        ),
        (
            "a,b,_-_-",
            {
                "id": "_-_-",
                "inputs": {"byteLength": 3.0, "prefix": "a,b"},
                "properties": {
                    "id": "_-_-",
                    "b64Url": "a,b_-_-",
                    "b64Std": "a,b/+/+",
                    "hex": "a,bffeffe",
                    "dec": "a,b16773118",
                    "byteLength": 3.0,
                    "prefix": "a,b",
                    **note(keepers=NOT_GIVEN),
                },
            },
        ),
    ],
)
def test_import(plugin: Plugin, asked: str, answer: dict[str, Any]) -> None:
    """A read without a state: an id stands for all of a resource, a prefix goes before it."""
    assert plugin.ask("Read", pb.ReadRequest(id=asked, urn=URN.format(ID))) == answer


@pytest.mark.parametrize(
    "asked",
    ["q83vEg==", "/+/+", "!!", "q83vE", "p,"],
)
def test_import_refuses(plugin: Plugin, asked: str) -> None:
    """What is no id of this type is refused and never guessed at."""
    with pytest.raises(grpc.RpcError, match="the id ") as error:
        plugin.ask("Read", pb.ReadRequest(id=asked, urn=URN.format(ID)))
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_delete_and_cancel(plugin: Plugin) -> None:
    """Nothing is to be deleted, and nothing to be cancelled; it goes on answering."""
    request = pb.DeleteRequest(id="q83vEg", urn=URN.format(ID), properties=struct(found({})))
    assert plugin.ask("Delete", request) == {}
    assert plugin.ask("Cancel", Empty()) == {}
    assert check(plugin, {"byteLength": 1.0}) == {"inputs": {"byteLength": 1.0}}


def test_other_types_need_the_real_plugin(plugin: Plugin) -> None:
    """The error says that this is a stand-in, what it knows, and what to install."""
    with pytest.raises(grpc.RpcError, match=r"randomPet.*stand-in.*RandomId.*install pulumi-resource-random") as error:
        plugin.ask("Check", pb.CheckRequest(urn=URN.format("random:index/randomPet:RandomPet"), news=struct({})))
    assert error.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_files_of_the_folder_are_no_modules(stand_in: Path, tmp_path: Path) -> None:
    """The engine starts it in a folder of the user's."""
    for name in ("grpc", "hubstack", "secrets"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('wrong module')")
    with running(stand_in, cwd=tmp_path) as plugin:
        assert plugin.ask("GetPluginInfo", Empty()) == {"version": "4.21.1+hubstack"}


def test_an_interruption_ends_it_quietly(stand_in: Path) -> None:
    """No traceback among the engine's last words."""
    with running(stand_in) as plugin:
        plugin.process.send_signal(signal.SIGINT)
        _, said = plugin.process.communicate(timeout=60)
    assert said == b""


def test_it_does_not_outlive_the_engine(stand_in: Path) -> None:
    """An engine that is killed cannot stop its plugins."""
    ended, alive = os.pipe()  # the other end closes with the last process that has it
    engine = textwrap.dedent(f"""
        import subprocess, time
        plugin = subprocess.Popen([{str(stand_in)!r}, {NOBODY!r}], stdout=subprocess.PIPE, pass_fds=[{alive}])
        print(plugin.stdout.readline(), flush=True)
        time.sleep(600)
    """)
    with subprocess.Popen([sys.executable, "-c", engine], stdout=subprocess.PIPE, pass_fds=[alive]) as process:
        os.close(alive)
        assert process.stdout
        assert process.stdout.readline()
        process.kill()
    assert select.select([ended], [], [], 60)[0]
    os.close(ended)
