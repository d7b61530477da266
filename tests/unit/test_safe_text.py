"""What others wrote steers no terminal and no CI runner, and is no markup where it is shown."""

from __future__ import annotations

import io
import json
import re
import unicodedata
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml
from rich.live import Live
from rich.table import Table
from rich.text import Text
from typer.testing import CliRunner

from hubstack import project, safe_text, terminal
from hubstack.chart.errors import Problem, SettingsError
from hubstack.chart.load import load_values
from hubstack.commands import doctor as doctor_command
from hubstack.commands import main, printing
from hubstack.doctor.finding import Report, error
from hubstack.fleet import progress
from hubstack.fleet.gates.target import Shut
from hubstack.review import review
from tests.unit.review_repository import QUIET, Repository

STEERING = [
    "\x1b[2J\x1b[H",  # clear the screen
    "\x1b]0;title\x07",
    "\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\",
    "\x1b]52;c;cm0gLXJmIH4=\x07",  # fill the clipboard
    "\x9b31m",  # C1
    "\x9d0;title\x9c",
    "\x07\x08\x7f\x0b\x0c",
    "gone\rshown",
    "abc\u202etxt.exe",
    "\u2066\u2069\u200e\u200f\u061c",
    "\u2028\u2029\u0085",
    "\ufeff\U000e0041\ufffa",
    "\ud800",
    "\x00",
]
FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


@pytest.mark.parametrize("text", STEERING)
def test_a_terminal_is_not_steered(capsys: pytest.CaptureFixture[str], text: str) -> None:
    """In a line, a text with colours, a table, its title, a prompt and a report, each such character is an escape."""
    console = terminal.Terminal()
    table = Table("head", title=f"title {text}")
    table.add_row(f"cell {text}")
    table.add_row(Text(f"coloured {text}", style="red"))
    for shown in (f"line {text}", Text.assemble(("error", "red"), text), table):
        console.print(shown, soft_wrap=True)
    with Live(table, console=console):
        console.print(f"live {text}")
    terminal.write(f"report {text}\n")
    terminal.Terminal(stderr=True).print(f"error: {text}")
    out, err = capsys.readouterr()
    assert not FORBIDDEN.search(out + err)
    assert "\\" in err
    assert not FORBIDDEN.search(safe_text.visible(text))


def test_what_is_harmless_stays(capsys: pytest.CaptureFixture[str]) -> None:
    """Letters of every script, emoji, tabs and lines are shown as they are; brackets are no markup."""
    text = "Zürich 東京 שלום हिन्दी 👩\u200d💻 [red]not red[/red] [link=https://x]y[/link] :smile: C:\\dir a::b\n\tnext"
    terminal.write(f"{text}\n")
    terminal.Terminal(soft_wrap=True).print(text)
    assert capsys.readouterr().out == f"{text}\n{text.expandtabs()}\n"
    assert safe_text.visible_lines(text) == text


def test_every_control_character_is_an_escape() -> None:
    """Of all characters, none that Unicode calls control or a change of direction comes through."""
    for number in range(0x110000):
        character = chr(number)
        turns = unicodedata.bidirectional(character) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
        if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or turns:
            assert safe_text.visible(character).isascii()
            assert safe_text.visible(character).isprintable()


COMMANDS = [
    "::add-mask::x",
    "  ::set-output name=a::b",
    "\t::stop-commands::token",
    "::error file=a,line=1::b",
    "##[set-env name=PATH;]x",
    "text ##[error]b",
    "##vso[task.setvariable variable=a]b",
    "first line\n::group::b",
    "\u00a0::warning::b",
    "word " * 15 + "::debug::folded",
]


def is_command(line: str) -> bool:
    """Whether a runner takes a line of the log for an order (``ActionCommand.TryParse`` of actions/runner)."""
    return bool(re.match(r"\s*::[A-Za-z]", line)) or "##[" in line or "##vso[" in line


@pytest.mark.parametrize("text", COMMANDS)
def test_a_ci_runner_gets_no_orders(capsys: pytest.CaptureFixture[str], text: str) -> None:
    """A line of any output that a runner reads is no order, on both streams, folded or not."""
    assert any(map(is_command, [*text.splitlines(), text[75:]]))
    for console in (terminal.Terminal(), terminal.Terminal(stderr=True)):
        console.print(text)
        console.print(Text(text), soft_wrap=True)
    terminal.write(f"{text}\n")
    terminal.write_json({"text": text})
    out, err = capsys.readouterr()
    assert not [line for line in (out + err).splitlines() if is_command(line)]
    assert json.loads(out.splitlines()[-1]) == {"text": text}


def test_there_is_one_terminal() -> None:
    """Commands make no console of their own, and no text has markup: a text from elsewhere would be markup, too."""
    own = re.compile(r"\bConsole\(|rich\.markup|from_markup|markup=True")
    code = project.CODE / "hubstack"
    found = {str(file.relative_to(code)) for file in code.rglob("*.py") if own.search(file.read_text())}
    assert found == set()


MARKUP = [
    "@everyone",
    "`code`",
    "``",
    "a|b",
    "<script>alert(1)</script>",
    "<!-- hubstack-review -->",
    "</summary></details><img src=x>",
    "[text](https://evil.example)",
    "![image](https://evil.example/x.png)",
    "https://evil.example",
    "www.evil.example",
    "#123",
    "owner/name#123",
    "GH-123",
    ":white_check_mark: accepted",
    "&#64;everyone",
    "$x^2$",
    "a\n\n# heading",
    "a\n```\nb",
    "~~gone~~ **bold** __bold__",
]
REFERENCE = re.compile(r"@\w|#\d|GH-\d|\w://|www\.|:[a-z_]+:", re.IGNORECASE)


def rendered(markdown: str) -> str:
    """What is left to see of a line of Markdown that `inline` wrote: the escapes are taken away."""
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", markdown)


@pytest.mark.parametrize("text", MARKUP)
def test_markdown_shows_a_text_and_does_nothing(text: str) -> None:
    """Each character of markup is escaped, and what is left refers to nobody and to nothing; so does HTML."""
    line = safe_text.inline(text)
    assert "\n" not in line
    assert not re.search(r"(?<!\\)(?:\\\\)*[<>|*_`\[\]~#&$]", line)
    assert not REFERENCE.search(rendered(line))
    assert rendered(line).replace("\u200b", "") == " ".join(text.split())
    shown: list[str] = []
    parser = HTMLParser()
    parser.handle_data = shown.append  # type: ignore[method-assign]
    parser.handle_starttag = lambda tag, attributes: pytest.fail(tag)  # type: ignore[method-assign]
    parser.handle_comment = lambda data: pytest.fail(data)  # type: ignore[method-assign]
    parser.feed(safe_text.html(text))
    parser.close()
    assert "".join(shown).replace("\u200b", "") == text.replace("\n", "\\n")
    assert not REFERENCE.search("".join(shown))


@pytest.mark.parametrize("text", MARKUP)
def test_a_fence_is_not_ended_by_what_is_in_it(text: str) -> None:
    """Code in a line and in a block has a fence longer than any run of backticks in it."""
    line = safe_text.code(text)
    fence = re.match("`+", line)
    assert fence
    assert "\n" not in line
    assert fence[0] not in line[len(fence[0]) : -len(fence[0])]
    block = safe_text.fenced(text, "diff").splitlines()
    assert block[0].rstrip("dif") == block[-1]
    assert block[-1] not in "\n".join(block[1:-1])


def test_a_problem_is_one_line() -> None:
    """A file's name, a key and a value with a line end make no second line that looks like another error."""
    problem = Problem("a\nb.yaml", "hub.x\nerror: y", "is \x1b[31mwrong\n")
    assert str(problem) == "a\\nb.yaml: hub.x\\nerror: y: is \\x1b[31mwrong\\n"
    assert str(Shut("answers\r\nX-Header: \x1b]0;t\x07")) == "answers\\r\\nX-Header: \\x1b]0;t\\x07"


def test_progress_and_doctor_show_names_as_text() -> None:
    """Names of stacks, gates, profiles and events are no markup, and a finding's parts are a line each."""
    for kind in ("stack", "gate", "wave", "wait", "rollout"):
        facts = dict.fromkeys(("stack", "gate", "wave", "rollout", "reason"), "[bold]x\x1b[31m[/bold]")
        line = progress.line(kind, {**facts, "state": "failed"}).plain
        assert "[bold]x\\x1b[31m[/bold]" in line
        assert "\x1b" not in line
    finding = error("profile [red]x[/red]\n  fix: nothing", "why\x1b[2J", "fix")
    report = Report("a[red]", "c\x1b", "n", {"x": "error"}, [finding], 1.0)
    file = io.StringIO()
    console = terminal.Terminal(soft_wrap=True)
    console.file = file
    doctor_command.show(report, {"x": "y"}, console)
    assert "profile [red]x[/red]\\n  fix: nothing\n  why: why\\x1b[2J\n  fix: fix\n" in file.getvalue()
    assert "stack a[red] in c\\x1b" in file.getvalue()


def test_an_error_of_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file's name reaches standard error as text, on one line."""
    file = tmp_path / "\x1b[31m[red]\n::error::x.yaml"
    file.write_text("hub: [")
    with pytest.raises(SettingsError) as caught:
        load_values([file])
    printing.error(caught.value)
    text = capsys.readouterr().err
    assert "\\x1b[31m[red]\\n::error::x.yaml: line 2, column 1: not valid YAML" in text
    assert text.count("\n") == 1


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A repository with one stack."""
    made = Repository(tmp_path)
    made.git("init", "--quiet")
    made.stack("a", {})
    made.commit()
    monkeypatch.setattr(project, "ROOT", tmp_path)
    return made


@pytest.mark.parametrize("form", review.FORMATS)
def test_a_review_of_hostile_texts(repository: Repository, form: str) -> None:
    """Settings, names of files and waves of a fleet are text in every form of a report."""
    hostile = "".join(each for each in [*STEERING, *COMMANDS, *MARKUP] if "\ud800" not in each and "\x00" not in each)
    profiles = [{"display_name": hostile, "kubespawner_override": {"image": hostile}}]
    repository.stack("a", {"singleuser": {"profileList": profiles, "extraEnv": {"X": hostile}}})
    repository.stack("b", None, valuesFiles=[hostile], kubeContext=hostile)
    repository.stack("c", {hostile: 1})
    document = {"stacks": {hostile: {}}, "waves": [{"name": hostile, "select": hostile}]}
    (repository.root / "fleet.yaml").write_text(yaml.safe_dump(document))
    report, redactor = review.review(repository.root, "HEAD", (), {}, QUIET)
    text = review.written(report, redactor, form)
    if form == "json":
        assert json.loads(text)["exitCode"] == 1
        return
    assert not FORBIDDEN.search(text)
    assert text.count("<!-- hubstack-review -->") == text.startswith("<!-- hubstack-review -->") or form != "markdown"
    if form == "markdown":
        outside = re.sub(r"(?ms)^(`{3,})diff\n.*?^\1$|(`+)[^\n]*?\2", "", text)
        outside = outside.replace(":warning:", "").replace(":x:", "").replace(":no_entry:", "")
        assert not re.search(r"@\w|#\d|\w://|www\.", rendered(outside))
        assert not re.search(r"(?<!\\)<(?!/?(details|summary|b)>|!-- hubstack-review -->)", outside)
    if form == "html":
        parser, tags = HTMLParser(), set()
        parser.handle_starttag = lambda tag, attributes: tags.add(tag)  # type: ignore[method-assign]
        parser.feed(text)
        assert tags.isdisjoint({"script", "img", "a", "iframe"})
    if form == "text":
        runner = CliRunner()
        result = runner.invoke(main.app, ["review", "--base", "HEAD"])
        assert not [line for line in result.output.splitlines() if is_command(line)]
