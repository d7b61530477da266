"""How commands end in errors that nobody has foreseen: one line for people, a private file for whoever mends it."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from hubstack import project
from hubstack.commands import ending, main
from hubstack.engine.events import EventLog
from hubstack.errors import TRACEBACKS
from hubstack.project import stacks

SECRET = "planted-canary-0f6b"


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state folder of a project in which reading a stack's file is broken."""
    folder = tmp_path / ".hubstack"
    monkeypatch.setenv("HUBSTACK_STATE_DIR", str(folder))
    monkeypatch.setattr(project, "ROOT", tmp_path)
    monkeypatch.setattr(stacks, "select", broken)
    monkeypatch.delenv(TRACEBACKS, raising=False)
    return folder


def broken(*_: Any, **__: Any) -> Any:
    """Fails as a mistake would, with a secret in a variable and in each text."""
    password = SECRET
    try:
        raise ValueError(f"cannot read {password}")
    except ValueError:
        {}[password]


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int | str | None:
    """The exit code of a command."""
    monkeypatch.setattr(sys, "argv", ["hubstack", *arguments])
    with pytest.raises(SystemExit) as ended:
        main.main()
    return ended.value.code


def test_a_mistake_is_one_line_and_a_private_file(
    state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1, one line with type, place and file; the file has both tracebacks, and no secret."""
    assert run(monkeypatch, "preview") == 1
    printed = capsys.readouterr()
    [file] = (state / ending.FOLDER).iterdir()
    assert printed.out == ""
    line = re.fullmatch(
        r"error: a mistake in Hubstack \(KeyError in test_ending\.py, line \d+\); please report it; "
        r"its traceback is in (.+); HUBSTACK_TRACEBACK=1 shows all of it, which may quote a secret\n",
        printed.err,
    )
    assert line
    assert line[1] == str(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert (file.parent.stat().st_mode | state.stat().st_mode) & 0o077 == 0
    text = file.read_text()
    assert re.findall(r"^[a-zA-Z.]+Error$", text, re.MULTILINE) == ["builtins.ValueError", "builtins.KeyError"]
    assert "in broken" in text
    assert SECRET not in text + printed.err


@pytest.mark.parametrize("asked", ["option", "variable"])
def test_who_asks_sees_all_of_it(
    state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], asked: str
) -> None:
    """The option and the variable print Python's traceback before the line; the file stays without the texts."""
    monkeypatch.setenv(TRACEBACKS, "1" if asked == "variable" else "")
    assert run(monkeypatch, *(["--traceback"] if asked == "option" else []), "preview") == 1
    told = capsys.readouterr().err
    assert told.startswith("Traceback (most recent call last):\n")
    assert f"KeyError: '{SECRET}'\nerror: a mistake in Hubstack" in told
    [file] = (state / ending.FOLDER).iterdir()
    assert SECRET not in file.read_text()


def test_only_the_newest_files_stay(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that fails in a loop does not fill the disk, and the newest traceback is there."""
    folder = state / ending.FOLDER
    folder.mkdir(parents=True)
    for number in range(30):
        (folder / f"20200101T0000{number}.0-1.txt").write_text("old")
    run(monkeypatch, "preview")
    found = sorted(folder.iterdir())
    assert len(found) == ending.KEPT
    assert [each.read_text() == "old" for each in found] == [True] * (ending.KEPT - 1) + [False]


def test_a_folder_that_cannot_be_written_hides_nothing(
    state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line says so, beside the mistake itself."""
    state.write_text("no folder")
    assert run(monkeypatch, "preview") == 1
    assert re.match(
        r"error: a mistake in Hubstack \(KeyError in test_ending\.py, line \d+\); please report it; "
        r"its traceback could not be written down \(.+\); HUBSTACK_TRACEBACK=1 shows",
        capsys.readouterr().err,
    )


RAISED = """python inline source runtime error: '{secret}'
Traceback (most recent call last):
  File "/venv/lib/pulumi/automation/_server.py", line 99, in run
    loop.run_until_complete(run_in_stack(self.program))
  File "{file}", line 7, in secret
    return found[key]
           ~~~~~^^^^^
KeyError: '{secret}'
"""


def test_a_mistake_in_the_program_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine's host prints the program's traceback: of Hubstack's own, type and place; of others', all of it."""
    monkeypatch.delenv(TRACEBACKS, raising=False)

    def errors(file: str) -> list[str]:
        message = RAISED.format(secret=SECRET, file=file)
        event = {"diagnosticEvent": {"severity": "error", "message": message}}
        (tmp_path / "events.json").write_text(json.dumps(event) + "\n")
        log = EventLog(tmp_path / "events.json")
        log.read()
        return log.errors

    own = str(project.CODE / "hubstack" / "chart" / "hub_secret.py")
    (line,) = errors(own)
    assert line == (
        "a mistake in Hubstack (KeyError in hub_secret.py, line 7); please report it; HUBSTACK_TRACEBACK=1 shows all "
        "of it, which may quote a secret"
    )
    assert errors("/project/__main__.py") == [RAISED.format(secret=SECRET, file="/project/__main__.py").strip()]
    monkeypatch.setenv(TRACEBACKS, "1")
    assert errors(own) == [RAISED.format(secret=SECRET, file=own).strip()]
