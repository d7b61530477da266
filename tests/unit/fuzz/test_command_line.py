"""Odd arguments of every command: an error that a person can read, and no traceback.

The commands run in an empty project without programs, so each stops where it would start one or ask a cluster.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import typer

from hubstack import project, toolchain
from hubstack.commands import main
from tests.unit.fuzz import judging, mutation, seeds

NASTY = (
    "",
    " ",
    "-",
    "-1",
    "0",
    "1",
    "99999999999999999999",
    "1e309",
    "nan",
    "-inf",
    "..",
    "../x",
    "./.",
    "x/y",
    "nothing/here.yaml",
    "dev",
    "DEV",
    "dev.yaml",
    "a.b",
    "a=b",
    "=",
    ",",
    "[",
    '["accept:mode", 5, null]',
    "{}",
    "{x}",
    "%s",
    "[red]x[/red]",
    "[/]",
    "two\nlines",
    "\x1b[31m\a",
    "caf\u00e9 \u202e \U0001f600",
    "'\"`$(id)",
    "x" * 300,
    "x" * 5000,
    "*",
    "~",
    "~nobody-here/x",
    "values.yaml",
    "folder",
    "broken.yaml",
    "number.yaml",
    "binary.yaml",
    "fifo",
)
"""What stands behind an option; some are files and folders of the project."""

SAMPLE = 10
"""One of so many texts is tried on every change."""
NEEDED = {"export": {"to": "--to=pulumi-operator", "repository": "--repository=https://git.example.org/x"},
          "simulate": {"seconds": "--seconds=60"}}  # fmt: skip
"""What a command cannot do without beyond what Typer knows."""
USAGE = "Usage: "
"""What an error begins with that Typer itself finds: a number that is none, an option that there is not."""


def commands(group: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with its path."""
    group = group or typer.main.get_command(main.app)
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = dict(commands())


def odd_arguments(command: tuple[str, ...], every: int = 1) -> Iterator[list[str]]:
    """The command with each odd text in the place of each of its options and arguments.

    Arguments:
        command: its path.
        every: takes one of so many texts, others for each option.
    """
    parameters = COMMANDS[command].params
    needed = {
        each.name: [f"{each.opts[0]}=x"] if each.param_type_name == "option" else ["made"]
        for each in parameters
        if each.required
    }
    needed |= {each: [text] for each, text in NEEDED.get(command[-1], {}).items()}
    yield list(command)
    yield [*command, "--no-such-option"]
    yield [*command, "surplus"]
    for place, each in enumerate(parameters):
        others = [text for name, texts in needed.items() if name != each.name for text in texts]
        if getattr(each, "is_flag", False):
            yield [*command, *others, each.opts[0]]
            continue
        for odd in NASTY[place % every :: every]:
            if odd == "fifo" and "--output" in each.opts:
                continue  # who writes to one waits for a reader, as always
            yield [*command, *others, *([f"{each.opts[0]}={odd}"] if each.param_type_name == "option" else ["--", odd])]


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one stack and some odd files, on a machine without programs."""
    root = tmp_path / "outer" / "project"
    programs = tmp_path / "programs"
    for folder in (root / "folder", programs):
        folder.mkdir(parents=True)
    if git := shutil.which("git"):
        (programs / "git").symlink_to(git)
    (root / "Pulumi.yaml").write_text("name: hubstack\nruntime: python\n")
    (root / "Pulumi.dev.yaml").write_text(mutation.text(seeds.stack_file({"kubeContext": "none"})))
    (root / "fleet.yaml").write_text("stacks: {dev: {}}\nwaves: [{name: all, select: stack=dev}]\n")
    (root / "values.yaml").write_text("cull: {every: 300}\n")
    (root / "broken.yaml").write_text("a: [\n")
    (root / "number.yaml").write_text("5\n")
    (root / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    os.mkfifo(root / "fifo")
    for name, value in {
        "PATH": programs, "HOME": tmp_path, "KUBECONFIG": tmp_path / "none", "HUBSTACK_MIRROR": programs,
        "HUBSTACK_STATE_DIR": tmp_path / "state", "COLUMNS": 200,
    }.items():  # fmt: skip
        monkeypatch.setenv(name, str(value))
    monkeypatch.delenv("HUBSTACK_ROOT", raising=False)
    monkeypatch.setattr(project, "ROOT", root)
    monkeypatch.setattr(toolchain, "ensure", _no_programs)
    monkeypatch.chdir(root)
    return root


def _no_programs(*_: Any, **__: Any) -> Any:
    raise toolchain.ToolchainError("the test stops here, where programs would be needed")


def run(arguments: list[str], monkeypatch: pytest.MonkeyPatch, root: Path) -> int:
    """Run the command line as a shell would; its exit code."""
    monkeypatch.setattr(sys, "argv", ["hubstack", *arguments])
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    monkeypatch.setattr(project, "ROOT", root)
    with judging.limited(), pytest.raises(SystemExit) as ended:
        main.main()
    code = ended.value.code
    return code if isinstance(code, int) else int(bool(code))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_some_odd_arguments(
    command: tuple[str, ...], empty: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No argument ends a command in a traceback, and what is wrong is said without the program's inside."""
    assert list(failures(odd_arguments(command, SAMPLE), empty, monkeypatch, capsys)) == []


@pytest.mark.long
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_odd_arguments(
    command: tuple[str, ...], empty: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same for every odd text in every place."""
    assert list(failures(odd_arguments(command), empty, monkeypatch, capsys)) == []


def failures(
    tried: Iterator[list[str]], root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[str]:
    """What went wrong with which arguments."""
    for arguments in tried:
        try:
            code = run(arguments, monkeypatch, root)
            printed = capsys.readouterr()
            assert code == 0 or printed.err or printed.out, "it failed, and said nothing"
            if printed.err and not printed.err.startswith(USAGE):
                judging.require_clear(printed.err)
        except (Exception, judging.Hang) as error:
            yield f"{arguments!r:.200}: {type(error).__name__}: {error!s:.400}"
