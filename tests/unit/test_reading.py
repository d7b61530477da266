"""Every file of the product is read within limits: what breaks says where and why, and quotes nothing of the file."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hubstack import project, reading
from hubstack.chart import helm_yaml
from hubstack.chart.errors import SettingsError
from hubstack.chart.load import load_values
from hubstack.errors import HubstackError
from hubstack.fleet import load as fleet_load
from hubstack.migration import commented_yaml
from hubstack.project import definition, stacks

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
)
MAP_BOMB = "a0: &a0 {k: v}\n" + "".join(f"a{n}: &a{n} {{l: *a{n - 1}, r: *a{n - 1}}}\n" for n in range(1, 40))
MERGE_BOMB = "a0: &a0 {k0: {x: y}}\n" + "".join(
    f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}], k{n}: *a{n - 1}}}\n" for n in range(1, 40)
)
TEXT_BOMB = f"a: &a {'x' * 100_000}\nb: [{', '.join(['*a'] * 1000)}]\n"
CHAIN = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} {'[' * 50}*a{n - 1}{']' * 50}\n" for n in range(1, 20))

BEYOND = {
    "50,000 brackets": ("[" * 50_000, "nested more than 100 levels"),
    "50,000 closed brackets": ("a: " + "[" * 50_000 + "]" * 50_000, "nested more than 100 levels"),
    "50,000 braces": ("{a: " * 50_000, "nested more than 100 levels"),
    "50,000 dashes": ("- " * 50_000 + "x", "nested more than 100 levels"),
    "50,000 keys in keys": ("? " * 50_000 + "x", "nested more than 100 levels"),
    "400 maps": ("\n".join(" " * n + "a:" for n in range(400)) + " x", "nested more than 100 levels"),
    "aliases of lists": (BOMB, "refers to itself too often"),
    "aliases of maps": (MAP_BOMB, "refers to itself too often"),
    "aliases that are merged": (MERGE_BOMB, "refers to itself too often"),
    "aliases of a long text": (TEXT_BOMB, "refers to itself too often"),
    "aliases that nest": (CHAIN, "nested more than 100 levels"),
    "a recursive list": ("a: &a [1, *a]", "contains itself"),
    "a recursive map": ("a: &a\n  b: *a", "contains itself"),
    "a recursive merge": ("a: &a\n  <<: *a", "contains itself"),
    "900,000 keys": ("".join(f"k{n}:\n" for n in range(900_000)), "larger than 5 MiB|more than 50,000 keys"),
    "60,000 short keys": ("".join(f"{n:x}:\n" for n in range(60_000)), "more than 50,000 keys"),
    "a list as a key": ("? [a]\n: b", "a key must be text"),
    "a map as a key": ("? {a: b}\n: c", "a key must be text"),
    "null as a key": ("a:\n  ~: b", "a key must not be null"),
    "no number of JSON": ("a: .inf", "not a number that JSON knows"),
    "half a surrogate pair": ('a: "\\ud800"', "not valid YAML"),
    "a zero byte": ("a: b\0c", "not valid YAML: a control character"),
    "an escape sequence": ("a: 1\nb: \x1b[31m", "not valid YAML: a control character"),
    "a tab": ("a:\n\tb: c", "not valid YAML: found character"),
    "an unknown alias": ("a: *nowhere", "not valid YAML: found undefined alias"),
    "merging a text": ("a: {<<: text}", "'<<' needs a map"),
}


def as_values(file: Path) -> Any:
    """Read as a values file."""
    return load_values([file])


def as_stack(file: Path) -> Any:
    """Read as the file of a stack."""
    file.rename(file.with_name("Pulumi.dev.yaml"))
    return stacks.select("dev", root=file.parent)


def as_fleet(file: Path) -> Any:
    """Read as a fleet file."""
    return fleet_load.read(file)


def as_project(file: Path) -> Any:
    """Read as a project's definition."""
    file.rename(file.with_name("Pulumi.yaml"))
    return definition.read(file.parent)


def as_plain(file: Path) -> Any:
    """Read as any other file."""
    return reading.yaml_file(file)


@pytest.mark.parametrize("read", [as_values, as_stack, as_fleet, as_project, as_plain])
@pytest.mark.parametrize(("text", "reason"), BEYOND.values(), ids=BEYOND)
def test_a_file_beyond_a_limit_is_one_error(tmp_path: Path, read: Any, text: str, reason: str) -> None:
    """Each kind of file has the same limits; the process goes on, and the message has file and reason in one line."""
    file = tmp_path / "file.yaml"
    file.write_text(text)
    with pytest.raises((reading.Unreadable, SettingsError)) as error:
        read(file)
    message = str(error.value)
    assert re.search(reason, message)
    assert re.search(r"(file|Pulumi)\S*\.yaml", message)
    assert len(message.splitlines()) == 1


def test_the_editor_has_the_same_limits() -> None:
    """A file is edited with its comments only where it can be read: the editor's own parser knows no limits."""
    for text, _ in BEYOND.values():
        assert commented_yaml.edited(text, {}, {"hubstack:mode": "helm"}) is None


@pytest.mark.parametrize("read", [as_values, as_stack, as_fleet, as_project, as_plain])
@pytest.mark.parametrize(
    "kind", ["pipe", "folder", "device", "endless", "proc", "large", "utf-16", "latin-1", "nothing"]
)
def test_only_a_regular_file_of_utf_8_is_read(tmp_path: Path, read: Any, kind: str) -> None:
    """Nothing is waited for, and nothing is read without end."""
    file = tmp_path / "file.yaml"
    match kind:
        case "pipe":
            os.mkfifo(file)
        case "folder":
            file.mkdir()
        case "device":
            file.symlink_to("/dev/null")
        case "endless":
            file.symlink_to("/dev/zero")
        case "proc":
            file.symlink_to("/proc/self")
        case "large":
            file.write_bytes(b"#" * (5 * 1024 * 1024 + 1))
        case "utf-16":
            file.write_bytes("a: b".encode("utf-16"))
        case "latin-1":
            file.write_bytes("a: é".encode("latin-1"))
        case "nothing":
            file.symlink_to(tmp_path / "nothing")
    if kind == "nothing" and read is as_project:
        assert read(file)["name"] == definition.DEFAULT_NAME
        return
    with pytest.raises((HubstackError, SettingsError)) as error:
        read(file)
    wanted = {
        "pipe": "it is a named pipe",
        "folder": "it is a folder",
        "proc": "it is a folder",
        "device": "it is a device",
        "endless": "it is a device",
        "large": "it is larger than 5 MiB",
        "utf-16": "it is not UTF-8 text",
        "latin-1": "it is not UTF-8 text",
        "nothing": "no such file",
    }[kind]
    assert wanted in str(error.value) or (kind == "nothing" and "no stack" in str(error.value))


SECRET = "correct-horse-battery-staple"


@pytest.mark.parametrize("read", [as_values, as_stack, as_fleet, as_project])
@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        f"root:{SECRET}:20000:0:99999:7:::\ndaemon:*:20000:0:99999:7:::",
        f"- {SECRET}",
        f"'{SECRET}",
        f"a: [{SECRET}",
        f"{SECRET}: {SECRET}: {SECRET}",
        f"*{SECRET}",
        f"!{SECRET} x",
        f"!!int {SECRET}",
        f"a: !!float {SECRET}",
        f"a: !!binary {SECRET}",
        f"%{SECRET}\n--- x",
        f"!{SECRET}!x y",
        f"a: &{SECRET} [*{SECRET}]",
        f"a\n{SECRET}: b: c",
        f'"\\{SECRET}"',
        "-----BEGIN PRIVATE KEY-----\n" + SECRET,
    ],
)
def test_an_error_quotes_nothing_of_a_file_that_is_no_map(tmp_path: Path, read: Any, text: str) -> None:
    """A passphrase that is named as a values file by mistake, or on purpose, is not in the message."""
    file = tmp_path / "file.yaml"
    file.write_text(text)
    message = ""
    try:
        read(file)
    except (HubstackError, SettingsError) as error:
        message = str(error)
    assert message or read is as_stack  # lines with a colon at their ends are a stack's file without any setting
    assert "correct" not in message


def test_a_document_is_data_of_json(tmp_path: Path) -> None:
    """Keys are the text that stands there; dates are text, tags that say nothing of a value are passed over."""
    text = """\ufeff
8080: a
yes: b
2024-01-01: 2024-01-01
1.50: 1_000
"07": 0o17
numbers: [010, 0x1F, 1:30, 1e3, 1.5e+3, -0b11]
words: [yes, Off, null, ~, "yes", y]
tags: {binary: !!binary aGk=, own: !own x, python: !!python/object/apply:os.system [ls]}
set: !!set {x, y}
pairs: !!omap [{a: 1}, {b: 2}]
base: &base {a: 1, b: 1}
merged: {<<: *base, b: 2}
twice: {a: 1, a: 2}
"""
    file = tmp_path / "file.yaml"
    file.write_text(text)
    assert reading.yaml_file(file) == {
        "8080": "a",
        "yes": "b",
        "2024-01-01": "2024-01-01",
        "1.50": 1000,
        "07": "0o17",
        "numbers": [8, 31, 90, "1e3", 1500.0, -3],
        "words": [True, False, None, None, "yes", "y"],
        "tags": {"binary": "hi", "own": "x", "python": ["ls"]},
        "set": {"x": None, "y": None},
        "pairs": [{"a": 1}, {"b": 2}],
        "base": {"a": 1, "b": 1},
        "merged": {"a": 1, "b": 2},
        "twice": {"a": 2},
    }


def test_values_keep_what_helm_reads() -> None:
    """A number of 5,000 digits is text to Go, and so are its octal and hexadecimal likes."""
    for number in ("1" * 5000, "-" + "9" * 5000, "0x" + "f" * 5000, "0o" + "7" * 5000, "1" * 5000 + ".5"):
        assert helm_yaml.load(f"a: {number}", "") == {"a": number}
    assert helm_yaml.load("a: 18446744073709551615", "") == {"a": 18446744073709551616}


def test_a_document_of_the_deepest_kind_is_read() -> None:
    """The limits leave room: 99 levels and 20,000 settings, with a hundred aliases, are nothing strange."""
    deep = "\n".join(" " * n + "a:" for n in range(98)) + " x"
    wide = "".join(f"k{n}: {{a: *base}}\n" for n in range(100)) + "".join(f"l{n}: x\n" for n in range(20_000))
    for text in (deep, f"base: &base {{a: 1}}\n{wide}"):
        assert reading.from_yaml(text, "") == helm_yaml.load(text, "")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 100_000, "nested more than 100 levels"),
        ("[" * 101 + "]" * 101, "nested more than 100 levels"),
        ('{"a": ' * 400 + "1" + "}" * 400, "nested more than 100 levels"),
        (f"[{'0,' * 60_000}0]", "more than 50,000 keys"),
        ("1" * 5000, "a number that is too large"),
        ("1e999", "a number that is too large"),
        ("NaN", "a number that is too large"),
        (f'{{"a": {SECRET}', "line 1, column 7: not valid JSON"),
    ],
)
def test_json_has_limits_too(text: str, reason: str) -> None:
    with pytest.raises(reading.Unreadable, match=re.escape(reason)) as error:
        reading.from_json(text, "text")
    assert SECRET not in str(error.value)


def test_the_deepest_json_is_read() -> None:
    assert reading.from_json("[" * 100 + "]" * 100, "") is not None


def test_nothing_else_reads_yaml() -> None:
    """PyYAML's loaders stand in the reader alone, and ruamel's where files are edited with their comments."""
    loaders = re.compile(r"\byaml\.(safe_load|load|compose|parse|scan|full_load)(_all)?\(|Loader\b|editor\.load")
    found = {
        str(file.relative_to(project.CODE / "hubstack"))
        for file in (project.CODE / "hubstack").rglob("*.py")
        if loaders.search(file.read_text())
    }
    # Those in chart/files run in the hub, with what the hub's Secret holds.
    own = {"chart/files/jupyterhub_config.py", "chart/files/z2jh.py"}
    editors = {"migration/commented_yaml.py", "capacity/record.py"}  # they ask the reader first
    assert found - own == {"reading/composer.py", "reading/documents.py", *editors}


def test_the_parser_in_python_has_the_same_limits() -> None:
    """PyYAML without its C library reads alike: a machine may lack it."""
    script = (
        "import yaml; del yaml.CSafeLoader\n"
        "from hubstack import reading\n"
        "for text in ('[' * 50_000, '- ' * 50_000 + 'x', 'a: &a [*a]', 'a: b\\0', '? [a]'):\n"
        "    try:\n"
        "        print(reading.from_yaml(text, 'f'))\n"
        "    except reading.Unreadable as error:\n"
        "        print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=project.CODE)
    assert (done.returncode, len(done.stdout.splitlines()), done.stderr) == (0, 5, "")
    assert all(line.startswith("f: ") for line in done.stdout.splitlines())
