"""The commands `hubstack policy ...`: the project's rules, asked by hand or in CI."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from hubstack import policy, project, terminal
from hubstack.commands.options import JsonOption
from hubstack.errors import HubstackError
from hubstack.terminal import Terminal

if TYPE_CHECKING:
    from hubstack.chart.errors import SettingsError
    from hubstack.policy.expressions import Evaluator
    from hubstack.policy.judge import Verdict
    from hubstack.policy.model import Policies
    from hubstack.project.stacks import Stack

app = typer.Typer(name="policy", help="Rules of one's own about stacks: policies.yaml.", no_args_is_help=True)

JsonOption = JsonOption
BLOCKED = 3


@app.command()
def check(
    stack: Annotated[list[str] | None, typer.Option("--stack", "-s", help="Only this stack, repeatable.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Ask the policies about every stack. Exit codes: 0 nothing blocks, 3 something does, 1 it cannot be said."""
    from hubstack.chart.errors import SettingsError

    found, errors = [], {}
    for name, verdict in _verdicts(stack or ()):
        if isinstance(verdict, SettingsError | HubstackError):
            errors[name] = str(verdict).replace(f"{project.ROOT}/", "")
        else:
            found.append(verdict)
    if as_json:
        terminal.write_json({"stacks": [each.as_dict() for each in found], "errors": errors})
    else:
        _show(found, errors, Terminal(soft_wrap=True))
    if errors or any(each.blocking for each in found):
        raise typer.Exit(1 if errors else BLOCKED)


@app.command("test")
def try_examples(as_json: JsonOption = False) -> None:
    """Try each policy on the examples that it has. Exit code 1 if one says something else than it must."""
    from hubstack.policy import examples
    from hubstack.policy.expressions import Evaluator

    with Evaluator() as evaluator:
        tried = list(examples.try_all(_policies(evaluator), project.ROOT, evaluator))
    wrong = [each for each in tried if not each.right]
    if as_json:
        terminal.write_json([{**vars(each), "right": each.right} for each in tried])
    else:
        console = Terminal(soft_wrap=True)
        for each in wrong:
            console.print(f"{each.policy}, example {each.number}: expected {each.expected}, found {each.found}")
        console.print(f"{len(tried)} examples tried, {len(wrong)} wrong")
    if wrong:
        raise typer.Exit(1)


@app.command()
def pack(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to make.")],
) -> None:
    """Write a policy pack for `pulumi preview --policy-pack DIR`, which asks the project's policies."""
    from hubstack.policy import pack_folder

    files = pack_folder.write(folder)
    console = Terminal(soft_wrap=True)
    console.print(f"policy pack in {folder}: {', '.join(files)}")
    console.print(f"Next: pulumi preview --policy-pack {folder}    needs the engine's language host for Python")


def judged(stack: Stack) -> list[str]:
    """Refuse a stack that the project's policies do not let be deployed; gives what is to be told all the same.

    Raises:
        HubstackError: a policy blocks; lists all that do.
        SettingsError: policies, settings or fleet file cannot be used.
    """
    if not policy.exists(stack.root):
        return []
    from hubstack.fleet.load import labels_of
    from hubstack.policy import gate

    return gate.require(stack, labels_of(stack.root, stack.base))


def _policies(evaluator: Evaluator) -> Policies:
    """The project's policies.

    Raises:
        HubstackError: it has none.
        SettingsError: they cannot be used.
    """
    from hubstack.policy import load

    found = load.load(project.ROOT, evaluator)
    if found is None:
        raise HubstackError(
            f"{project.ROOT / policy.FILE}: there is none; it has the rules that stacks are to keep. "
            "docs/policies.md explains it, docs/examples/policies.yaml is one"
        )
    return found


def _verdicts(only: Sequence[str]) -> Iterator[tuple[str, Verdict | SettingsError | HubstackError]]:
    """What the policies say of each stack, or why that cannot be said."""
    from hubstack.chart.errors import SettingsError
    from hubstack.fleet.load import labels_of
    from hubstack.policy import gate
    from hubstack.policy.expressions import Evaluator
    from hubstack.project import stacks

    names = only or sorted(each.name.split(".", 1)[1].removesuffix(".yaml") for each in _files())
    with Evaluator() as evaluator:
        policies = _policies(evaluator)
        for name in names:
            try:
                stack = stacks.select(name)
                yield name, gate.verdict(stack, labels_of(project.ROOT, name), policies, evaluator)
            except (SettingsError, HubstackError) as error:
                yield name, error


def _files() -> Iterator[Path]:
    return project.ROOT.glob("Pulumi.*.yaml")


def _show(found: Sequence[Verdict], errors: Mapping[str, str], console: Terminal) -> None:
    for verdict in found:
        blocking, told = len(verdict.blocking), len(verdict.violations) - len(verdict.blocking)
        counts = f"{blocking} block, {told} told" if verdict.violations else "keeps every policy"
        console.print(Text.assemble((verdict.stack, "bold"), f": {counts}"))
        for each in verdict.violations:
            word, colour = ("blocks", "red") if each.blocks else ("warns", "yellow")
            if each.exemption:
                word, colour = f"exempt until {each.exemption.until}", "cyan"
            console.print(Text.assemble("  ", (word, colour), f" {each.policy}: {each.sentence}"))
        for note in verdict.notes:
            console.print(f"  note: {note}")
    for name, error in errors.items():
        lines = error.replace("\n", "\n  ")
        console.print(Text.assemble((name, "bold"), ": ", ("error", "red"), f": {lines}"))
