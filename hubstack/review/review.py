"""`hubstack review`: both revisions rendered, compared, judged, and written down without a secret."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from hubstack import toolchain
from hubstack.chart.errors import SettingsError
from hubstack.errors import HubstackError
from hubstack.fleet.load import FILE, load
from hubstack.policy.expressions import Evaluator
from hubstack.review import accepting, engine, homes, markdown, page, policies, program, rules, sources, text
from hubstack.review.change import Change
from hubstack.review.changes import Comparer, StackChange
from hubstack.review.rendering import Rendered, Renderer, repository
from hubstack.review.report import Report
from hubstack.review.secrets import Redactor
from hubstack.review.setting_changes import changed
from hubstack.review.sources import Side, StackFile
from hubstack.safe_text import visible_lines

if TYPE_CHECKING:
    from hubstack.lifecycle.updates import Updater

FORMATS: dict[str, Callable[[Report], str]] = {
    "markdown": markdown.comment,
    "json": lambda report: json.dumps(report.as_dict(), indent=2) + "\n",
    "text": text.report,
    "html": page.report,
}


def review(
    root: Path,
    base: str | None,
    stacks: Sequence[str],
    accepted: Mapping[str, str],
    console: Console,
    key: bytes | None = None,
    open_updater: Callable[[str], Updater] | None = None,
    read_claims: homes.ReadClaims = homes.live_claims,
    repositories: Sequence[str] = (),
    dry_run: Sequence[str] = (),
) -> tuple[Report, Redactor]:
    """Compare the work tree with a revision.

    Arguments:
        root: the project's folder, a git work tree.
        base: the revision; None for the branch that changes go to.
        stacks: names of the stacks to look at; all where empty.
        accepted: reason by rule name, for rules that are accepted for this change on every stack.
        console: told about downloads.
        key: of the digests of secrets; None for one that is used once.
        open_updater: gives the engine on a stack, for what only a real preview tells; None stays offline.
        read_claims: reads a stack's live home volumes, where there is an engine and their names change.
        repositories: chart repositories that may be asked, beside those that a stack of the base names.
        dry_run: API servers that are asked about the objects of the head: ``embedded``, or contexts of the kubeconfig.

    Raises:
        HubstackError: no such revision or stack, unknown rule, an API server that does not answer.
    """
    accepting.require_known(accepted, "--accept")
    reference = base or sources.default_base(root)
    with sources.both_sides(root, reference) as (old, new), Evaluator() as evaluator:
        rules_of_both = policies.read(old, new, evaluator)
        accepting.require_known(accepted, "--accept", rules_of_both.names)
        before, after = sources.stack_files(old, stacks), sources.stack_files(new, stacks)
        # What stands at the base, in any of its stacks, has been accepted before.
        known = [repository(file) for file in sources.stack_files(old).values()]
        helm = lambda: toolchain.ensure(("helm",), progress=console)["helm"]  # noqa: E731
        renderer = Renderer(helm, [*known, *repositories], whole=bool(dry_run), judged=rules_of_both.any)
        names = sorted(before.keys() | after.keys())
        if missing := sorted(set(stacks) - set(names)):
            raise HubstackError(f"--stack {missing[0]}: no such stack on either side")
        earlier, notes = _earlier(old.folder, root, before.values())
        notes += [f"{name} is not in git, so it is left out" for name in sources.left_out(new)]
        waves, labels, fleet_error = _waves(new)
        both_labels = _waves(old)[1], labels
        sides = {name: renderer.pair(before.get(name), after.get(name), earlier) for name in names}
        told_of = policies.of_stacks(
            rules_of_both, sides, lambda name: renderer.render(after[name]), both_labels, accepted, evaluator
        )
    accepts = {name: _accepts(before.get(name), after.get(name), accepted) for name in names}
    redactor = Redactor((side for pair in sides.values() for side in pair if side), key)
    comparer = Comparer(redactor)
    fresh = [head for base, head in sides.values() if base is None and head and not head.error]
    found = [_stack(name, *sides[name], comparer, accepts[name], fresh) for name in names]
    if dry_run:
        from hubstack.review.dry_run import asking  # an offline review does not pay for clusters

        found = asking.asked(found, dry_run, accepts, console)
    if open_updater:
        deployed = [each.stack for each in found if each.base and each.head and not each.errors]
        views = engine.preview_all(deployed, open_updater)
        found = [replace(each, engine=views.get(each.stack)) for each in found]
        found = engine.side_by_side(lambda each: _with_homes(each, read_claims), found)
    found = [_with(each, told_of.get(each.stack, policies.Told())) for each in found]
    notes += [note for each in found for note in _unknown(each)]
    notes += [*rules_of_both.notes, *(note for said in told_of.values() for note in said.notes)]
    errors = [error for error in (fleet_error, rules_of_both.error) if error]
    stacks_told = tuple(_scrubbed(each, redactor) for each in found)
    told = tuple(map(redactor.text, notes))
    taken_away = tuple(map(redactor.text, rules_of_both.taken_away))
    error = redactor.text("\n".join(errors)) or None
    return Report(reference, stacks_told, waves, notes=told, error=error, policies=taken_away), redactor


def written(report: Report, redactor: Redactor, form: str) -> str:
    """The report as text in one of `FORMATS`, scrubbed.

    Raises:
        HubstackError: unknown format; or a secret would have been shown.
    """
    if form not in FORMATS:
        raise HubstackError(f"--format {form}: unknown; allowed: {', '.join(FORMATS)}")
    result = redactor.text(FORMATS[form](report))
    if form != "json":
        result = visible_lines(result)  # after secrets are hidden, which are looked for as they are
    redactor.require_clean(result)
    return result


def _stack(
    name: str,
    base: Rendered | None,
    head: Rendered | None,
    comparer: Comparer,
    accepted: Mapping[str, str] | HubstackError,
    fresh: Sequence[Rendered],
) -> StackChange:
    errors = tuple(
        f"{side}: {rendered.error}"
        for side, rendered in (("base", base), ("head", head))
        if rendered and rendered.error
    )
    if isinstance(accepted, HubstackError):
        errors = (*errors, f"head: {accepted}")
    if errors or isinstance(accepted, HubstackError):
        return StackChange(name, base, head, errors=errors)
    if base is None or head is None:
        nothing = Rendered(name)
        objects = comparer.compare(base or nothing, head or nothing)
        return StackChange(name, base, head, objects, rules.new_or_gone(base, head, fresh))
    if base is head:
        return StackChange(name, base, head)
    changes, settings = comparer.compare(base, head), changed(base, head, comparer.redactor)
    findings = rules.judge(Change(base, head, changes, settings), accepted)
    return StackChange(name, base, head, changes, findings, settings=settings)


def _unknown(stack: StackChange) -> list[str]:
    """What is said of settings that are encrypted, and decide more than can be told without reading them."""
    sides = [side for side in (stack.base, stack.head) if side and not side.error]
    names = dict.fromkeys(f"hubstack:{name}" for side in sides for name in side.unknown)
    if not names:
        return []
    how = "the engine's preview shows it" if stack.engine else "a review with --engine shows it"
    return [f"{stack.stack}: {', '.join(names)}: encrypted, so what follows from it is not shown here; {how}"]


def _earlier(base: Path, head: Path, files: Iterable[StackFile]) -> tuple[dict[str, Rendered], list[str]]:
    """The base as its own code renders it where the program changes, and what is to be said about that."""
    notes = []
    if program.differs(base, head, program.DEPLOYS):
        notes.append("the program itself changes in how it deploys, which only a review with --engine shows")
    if not program.differs(base, head, program.RENDERS):
        return {}, notes
    rendered, refused = program.render(base, files)
    if refused:
        notes.append(f"the program itself changes, and what that does is not shown: its earlier code fails: {refused}")
    else:
        notes.append("the program itself changes: the base is rendered by the code that it came with")
    return rendered, notes


def _waves(side: Side) -> tuple[dict[str, str], dict[str, Mapping[str, str]], str | None]:
    """Name of the wave of each stack, and its labels, or why the fleet file cannot be used: the stacks are shown all
    the same.
    """
    if reason := side.bounds.refusal(side.folder / FILE):
        return {}, {}, f"{FILE} {reason}"
    try:
        fleet = load(side.folder)
    except SettingsError as error:
        return {}, {}, str(error)
    return (fleet.wave_of(), {name: fleet.labels_of(name) for name in fleet.stacks}, None) if fleet else ({}, {}, None)


def _with(stack: StackChange, told: policies.Told) -> StackChange:
    """A stack with what policies say of it, see `rules.worst_first`."""
    return replace(stack, findings=tuple(sorted((*stack.findings, *told.findings), key=rules.worst_first)))


def _accepts(
    base: StackFile | None, head: StackFile | None, accepted: Mapping[str, str]
) -> Mapping[str, str] | HubstackError:
    """Reason by rule name on one stack, or what is wrong with those in its file."""
    try:
        return {**(accepting.from_stack(base, head) if head else {}), **accepted}
    except HubstackError as error:
        return error


def _scrubbed(stack: StackChange, redactor: Redactor) -> StackChange:
    """Every sentence without secrets, before a format escapes it and hides from the last search what is left."""
    view = stack.engine
    if view:
        steps = tuple((operation, redactor.text(name)) for operation, name in view.steps)
        view = replace(view, steps=steps, error=view.error and redactor.text(view.error))
    return replace(
        stack,
        errors=tuple(map(redactor.text, stack.errors)),
        findings=tuple(
            replace(each, text=redactor.text(each.text), accepted=each.accepted and redactor.text(each.accepted))
            for each in stack.findings
        ),
        engine=view,
        homes=stack.homes and redactor.text(stack.homes),
        unjudged=tuple(map(redactor.text, stack.unjudged)),
        settings=tuple(
            replace(each, before=redactor.text(each.before), after=redactor.text(each.after)) for each in stack.settings
        ),
    )


def _with_homes(stack: StackChange, read_claims: homes.ReadClaims) -> StackChange:
    if stack.base is None or stack.head is None or all(each.rule != "home-names" for each in stack.findings):
        return stack
    return replace(stack, homes=homes.note(stack.base, stack.head, read_claims))
