"""The one procedure of an update: `hubstack up` runs it on a stack, a rollout on each stack of a wave.

It is the list `STEPS`, read from top to bottom. A step that refuses raises an error, and nothing after it happens. Any
step may be repeated: an update that is interrupted anywhere is continued by the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hubstack.engine import provider
from hubstack.engine.notices import Notice
from hubstack.engine.stack import EngineStack, OperationError, Report
from hubstack.engine.state import State
from hubstack.errors import HubstackError
from hubstack.lifecycle import (
    admission_guard,
    asking,
    guards,
    hand_changes,
    interruption,
    lost_state,
    plain_state,
    pod_failures,
    token_key,
)
from hubstack.migration import access, live, ownership, switch, take_over
from hubstack.migration.take_over import Source
from hubstack.project.stacks import Stack


@dataclass(frozen=True)
class Order:
    """What somebody asks of an update beyond the settings of the stack."""

    variables: Mapping[str, str] = field(default_factory=dict)
    """Further variables for the program."""
    message: str = ""
    """What the backend's history says of the update."""
    may_settle: bool = True
    """Whether an interrupted update may be settled, whoever began it."""
    approve: asking.Approve | None = None
    """Is asked before anything is changed; None where nobody is to be asked."""
    was_killed: bool = False
    """Whether an earlier update of the same order was killed, and may have made objects that no state knows."""
    take_fields: bool = False
    """Whether fields that somebody else has written since are set to what the stack says."""


@dataclass(frozen=True)
class Outcome:
    """What became of an update that ended well."""

    report: Report
    settled: int
    """Operations of an interrupted update that were settled first."""
    switched_from: str | None
    """The mode that was deployed, where the settings had another one."""
    taken_over: Source
    restarted: tuple[str, ...]
    """Workloads whose pods a take-over has restarted, with the reasons."""


@dataclass
class Update:
    """An update under way: what the steps have found out so far."""

    engine: EngineStack
    order: Order
    state: State = field(default_factory=State)
    """The state as it was read last, secrets encrypted."""
    settled: int = 0
    switched_from: str | None = None
    source: Source = Source.NOTHING
    pod_templates: Mapping[str, Any] = field(default_factory=dict)
    """Of the live hub before a Helm release is upgraded by the engine."""
    report: Report = field(default_factory=Report)
    nothing_to_do: bool = False
    """Whether the preview that somebody was shown says so; the engine need not run once more."""
    restarted: tuple[str, ...] = ()

    @property
    def stack(self) -> Stack:
        return self.engine.stack

    @property
    def variables(self) -> Mapping[str, str]:
        """Variables for the engine; they say whether it may take over objects that exist already."""
        may_take_over = self.settled or self.order.was_killed or self.source.are_objects
        taken = provider.FORCE if self.order.take_fields else {}
        return {**taken, **(provider.TAKE_OVER if may_take_over else {}), **self.order.variables}


Step = Callable[[Update], None]


def read_state(update: Update) -> None:
    """Read what the backend knows of the stack."""
    update.state = update.engine.checkpoint()


def refuse_foreign_interruption(update: Update) -> None:
    """Refuse to settle an interrupted update that somebody else may still be looking after."""
    count = update.state.unfinished
    if count and not update.order.may_settle:
        raise HubstackError(
            f"an update that no rollout began was interrupted ({count} operations pending); left "
            f"alone. If it is known to be dead: pulumi refresh --stack {update.stack.name}"
        )


def refuse_data_loss(update: Update) -> None:
    """Refuse settings that would delete or replace what holds data."""
    guards.refuse_data_loss(update.stack, update.state, decrypt=lambda: update.engine.entries())


def require_login(update: Update) -> None:
    """Refuse where the cluster does not know who asks: the engine would wait, or fail in the middle."""
    access.require_login(update.stack)


def refuse_lost_state(update: Update) -> None:
    """Refuse an empty state that meets an existing hub, unless an update was killed that may have made it."""
    if not update.order.was_killed:
        lost_state.refuse(update.stack, update.state, lambda: update.engine.entries())


def refuse_pods_not_admitted(update: Update) -> None:
    """Refuse pods that the cluster's admission would not let in, and users' pods of which it would let in none."""
    for doubt in admission_guard.refuse(update.stack):
        update.engine.say(f"warning: {doubt}")


def move_token_key(update: Update) -> None:
    """Move the key of all tokens out of where an earlier version left it to be read; no token changes."""
    if token_key.move(update.engine, update.state):
        read_state(update)


def ask_first(update: Update) -> None:
    """Show what will change, and go on only if that is wanted; where nothing will, there is nothing to ask."""
    if update.order.approve is None:
        return
    asked = asking.ask(update.engine, update.state, update.order.approve, variables=update.variables)
    if asked.is_complete and not update.order.was_killed:
        update.report, update.nothing_to_do = asked.report, True


def switch_mode(update: Update) -> None:
    """Prepare the stack for another mode than the one that is deployed."""
    update.switched_from = switch.deployed_mode(update.stack, update.state)
    if update.switched_from:
        switch.prepare(update.engine, update.switched_from)
        read_state(update)


def settle_interruption(update: Update) -> None:
    """Find out what became of the operations that an interrupted update had under way."""
    update.settled = interruption.settle(update.engine, update.state)
    if update.settled:
        read_state(update)


def find_what_is_taken_over(update: Update) -> None:
    """Find out whether the stack goes on with live objects, and refuse to if their tokens would be lost."""
    update.source = take_over.find_source(update.stack, update.state)
    if update.source is not Source.NOTHING:
        take_over.require_tokens(update.engine, update.state)
        update.engine.say(f"taking over, in place: {update.source.value}")


def import_helm_release(update: Update) -> None:
    """Let the state know the live release, where mode helm goes on with one."""
    if update.source is Source.HELM_RELEASE:
        update.pod_templates = live.pod_templates(access.of(update.stack), update.stack.namespace)
        take_over.import_release(update.engine)


def refuse_replacements(update: Update) -> None:
    """Refuse a take-over that the engine's preview does not show as being in place."""
    if update.source is not Source.NOTHING:
        take_over.require_in_place(update.engine.preview(variables=update.variables).steps)


def hand_over_fields(update: Update) -> None:
    """Let former managers hand over the fields of objects that the stack has already.

    An earlier update may have been killed before it could.
    """
    if update.source.are_objects:  # the engine has yet to take the objects
        return
    adopted = update.stack.mode == "native" and "takeOver" in update.stack.settings
    former = take_over.FORMER_OWNERS if adopted else (ownership.DRAWN,)
    if ownership.hand_over(update.stack, update.state, former) and adopted:
        update.engine.refresh()
        read_state(update)


def refuse_field_conflicts(update: Update) -> None:
    """Refuse to set fields that somebody else has written since, and name what would be overwritten by hand."""
    if update.source is not Source.NOTHING or update.switched_from or not update.state.knows_the_cluster:
        return
    found = hand_changes.find(update.engine, update.state, update.variables)
    if found.conflicts:
        raise hand_changes.refusal(update.stack.name, found)
    for warning in found.warnings:
        update.engine.say(f"warning: {warning}")


def run_engine(update: Update) -> None:
    """Let the engine make what the program wants, and say meanwhile why pods are not created."""
    if update.nothing_to_do:
        return
    with pod_failures.told(update.stack, update.engine.say) as reasons:
        try:
            update.report = update.engine.update(variables=update.variables, message=update.order.message)
        except OperationError as error:
            if not reasons:
                raise
            text = "\n".join([str(error), "Pods are not created:", *(f"  {reason}" for reason in reasons)])
            raise OperationError(text, error.report, out_of_time=error.out_of_time) from None


def hand_over_taken_fields(update: Update) -> None:
    """Let former managers hand over the fields of objects that this update has taken over."""
    if update.source.are_objects or update.settled or update.order.was_killed:
        read_state(update)
        former = take_over.FORMER_OWNERS if update.source.are_objects else (ownership.DRAWN,)
        ownership.hand_over(update.stack, update.state, former)


def hide_helm_release(update: Update) -> None:
    """Hide from Helm the release whose objects are the stack's now."""
    if update.source is Source.HELM_OBJECTS:
        count = take_over.hide_release(update.stack)
        release = update.stack.settings["takeOver"]
        update.engine.say(
            f"Helm no longer lists release {release}: {count} records are kept under a label of their own"
        )


def note_what_controllers_wrote(update: Update) -> None:
    """Read the cluster once more: what controllers wrote during a take-over is to be no change of the next update."""
    if update.source.are_objects:
        update.engine.refresh(message=update.order.message)


def close_plain_secrets(update: Update) -> None:
    """Make secret in the state what an earlier version of the program has left in it in plain text."""
    if guards.has_plain_secrets(update.stack):
        read_state(update)
        if count := plain_state.close(update.engine, update.state):
            update.engine.say(
                f"the state had secrets in plain text ({count} of its resources), and has them encrypted now; whoever "
                "could read it, its history or a copy of it knows them: make new ones"
            )


def name_restarts(update: Update) -> None:
    """Say which pods the upgrade of a Helm release has restarted, and why."""
    if update.source is Source.HELM_RELEASE:
        after = live.pod_templates(access.of(update.stack), update.stack.namespace)
        update.restarted = tuple(take_over.restarts(update.pod_templates, after))
        for each in update.restarted:
            update.engine.say(f"restarted: {each}")


def require_users_to_start(update: Update) -> None:
    """Ask again, now that everything is there: a hub in which no user's server can start is not up."""
    admission_guard.require_users(update.stack)


STEPS: tuple[Step, ...] = (
    read_state,
    refuse_foreign_interruption,
    refuse_data_loss,
    require_login,
    refuse_lost_state,
    refuse_pods_not_admitted,
    move_token_key,
    ask_first,
    switch_mode,
    settle_interruption,
    find_what_is_taken_over,
    import_helm_release,
    refuse_replacements,
    hand_over_fields,
    refuse_field_conflicts,
    run_engine,
    hand_over_taken_fields,
    hide_helm_release,
    note_what_controllers_wrote,
    close_plain_secrets,
    name_restarts,
    require_users_to_start,
)
"""The life of an update, after its stack was opened, which has settled a dead update's lock."""


def deploy(engine: EngineStack, order: Order | None = None) -> Outcome:
    """Bring a stack to what its settings want, whatever an earlier update has left.

    Arguments:
        engine: the engine on the stack; its listener gets the progress.
        order: what is asked beyond the settings.

    Raises:
        OperationError: the engine failed, with a report of how far it came.
        HubstackError: a step refused; what was to be protected is as it was.
    """
    update = Update(engine, order or Order())
    for step in STEPS:
        engine.tell(Notice("step", step.__name__.replace("_", " ")))
        step(update)
    return Outcome(update.report, update.settled, update.switched_from, update.source, update.restarted)
