"""What a rollout would do, as data: every stack with its wave, its action and the reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from hubstack import policy, project
from hubstack.chart.errors import SettingsError
from hubstack.cluster import embedded_kubeconfig
from hubstack.errors import HubstackError, mistake
from hubstack.fleet import deployed, digest, left
from hubstack.fleet.left import Left
from hubstack.fleet.model import Fleet
from hubstack.fleet.programs import Program
from hubstack.fleet.source import Revision
from hubstack.project import bounds, stacks

Action = Literal["up", "gate", "skip", "refused"]
"""``gate``: what is wanted is deployed, but its gates have not opened since, or its wave has not baked."""
ACTIONS: tuple[Action, ...] = get_args(Action)

AT_ONCE = 8
"""Backends that are asked side by side."""


@dataclass(frozen=True)
class Item:
    """One stack of a plan."""

    stack: str
    wave: str
    action: Action
    reason: str
    cluster: str = ""
    """kubeconfig context."""
    namespace: str = ""
    digest: str | None = None
    """Of what would be deployed; None where the settings are refused."""
    before: str | None = None
    """Digest of what is deployed, where we deployed it."""
    before_commit: str | None = None
    before_rollout: str | None = None
    exists: bool = True
    pending: int = 0
    """Operations that an interrupted update left in the state."""
    url: str | None = None
    updated: tuple[float, float] | None = None
    """When the last operation on the stack began and ended, in seconds since the epoch."""
    commit: str | None = None
    """Commit that the stack is deployed from."""
    revision: str | None = None
    """Name of the revision whose program the stack stays on, where that is not the rollout's own."""
    program: str | None = None
    """Commit of that revision."""
    before_program: str | None = None
    """Commit of the program that is deployed, where that was another one than that of the values."""
    before_revision: str | None = None
    """Name of that commit in the fleet file."""
    new_tokens: tuple[str, ...] = ()
    """Names of the tokens that are drawn anew."""
    drift: int = 0
    """Fields and objects that somebody has changed in the cluster, where the plan was to look."""
    told: tuple[str, ...] = ()
    """What policies say that do not block."""
    owes: tuple[str, ...] = ()
    """What its wave asks after an update: ``gates``, ``bake``."""


_TUPLES = ("new_tokens", "owes", "told", "updated")
"""Fields of an item that are lists in JSON."""


@dataclass(frozen=True)
class Plan:
    """A whole plan, in the order of the waves."""

    revision: Revision
    items: tuple[Item, ...] = ()
    waves: tuple[str, ...] = ()
    """Names of the waves in the order in which they run."""
    kind: Literal["rollout", "rollback"] = "rollout"
    sources: Mapping[str, str] = field(default_factory=dict)
    """Folder with the program and the settings of each stack that is deployed from another than the rollout's own."""
    left: tuple[Left, ...] = ()
    """Stacks that have left the fleet file, and are still deployed."""
    frozen: Mapping[str, str] = field(default_factory=dict)
    """Why a wave may not be started now, and until when."""

    def of(self, wave: str) -> list[Item]:
        """The items of a wave."""
        return [item for item in self.items if item.wave == wave]

    def source_of(self, stack: str, usual: Path) -> Path:
        """Folder with the program and the settings of a stack; the usual one unless the plan names another."""
        return Path(self.sources.get(stack, usual))

    def count(self, action: Action) -> int:
        """Number of stacks with an action."""
        return sum(item.action == action for item in self.items)

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON types."""
        return {
            "kind": self.kind,
            "revision": asdict(self.revision),
            "waves": list(self.waves),
            "counts": {action: self.count(action) for action in ACTIONS},
            "sources": dict(self.sources),
            "items": [asdict(item) for item in self.items],
            "left": [asdict(each) for each in self.left],
            "frozen": dict(self.frozen),
        }

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Plan:
        """What `as_dict` gave."""
        return Plan(
            Revision(**data["revision"]),
            tuple(_item(item) for item in data["items"]),
            tuple(data["waves"]),
            data["kind"],
            data["sources"],
            tuple(Left(**each) for each in data.get("left", ())),
            data.get("frozen", {}),
        )


def _item(data: Mapping[str, Any]) -> Item:
    """An item from JSON types."""
    tuples = {name: tuple(data[name]) for name in _TUPLES if data.get(name) is not None}
    return Item(**{**data, **tuples})


def make(
    fleet: Fleet,
    root: Path,
    revision: Revision,
    environment: Mapping[str, str],
    only: Sequence[str] = (),
    programs: Mapping[str, Program] | None = None,
) -> Plan:
    """Compare what a revision wants with what the backends say is deployed.

    Arguments:
        fleet: the fleet.
        root: folder of the revision.
        revision: what it is.
        environment: variables for the engine.
        only: names of stacks to look at; all where empty.
        programs: for the stacks that stay on another revision's program, see `programs.prepare`.

    Raises:
        HubstackError: a stack of `only` is unknown, or a backend does not answer.
        SettingsError: the revision's policies cannot be used.
    """
    waves = fleet.wave_of()
    if unknown := sorted(set(only) - set(waves)):
        raise HubstackError(f"--stack {unknown[0]}: not in fleet.yaml; stacks: {', '.join(sorted(waves))}")
    order = {wave.name: place for place, wave in enumerate(fleet.waves)}
    names = sorted((name for name in waves if not only or name in only), key=lambda name: order[waves[name]])
    with ThreadPoolExecutor(AT_ONCE) as pool:
        states = list(pool.map(lambda name: deployed.read(name, environment, stacks.engine_folder(name)), names))
    owed, pinned = {wave.name: wave.owes for wave in fleet.waves}, programs or {}
    items = [
        decide(name, waves[name], root, revision.name, state, owed[waves[name]], pinned.get(name))
        for name, state in zip(names, states, strict=True)
    ]
    if policy.exists(root):
        from hubstack.fleet.judged import judged

        items = judged(items, fleet, root)
    now = datetime.now(UTC)
    return Plan(
        revision,
        tuple(items),
        tuple(wave.name for wave in fleet.waves),
        sources={name: str(program.folder) for name, program in pinned.items() if not program.refused},
        left=left.find(waves, environment),
        frozen={wave.name: str(hold) for wave in fleet.waves if (hold := fleet.hold(wave, now))},
    )


def decide(
    name: str,
    wave: str,
    root: Path,
    commit: str | None,
    state: deployed.Deployed,
    owes: tuple[str, ...] = (),
    program: Program | None = None,
) -> Item:
    """What happens to one stack, and why.

    Arguments:
        name, wave: the stack and the name of its wave.
        root: folder of the revision, whose commit is `commit`.
        state: what the backend says of the stack.
        owes: what the wave asks after an update.
        program: the program that the stack stays on, where that is another than the one of `root`.
    """
    facts: dict[str, Any] = {
        "stack": name,
        "wave": wave,
        "before": state.digest,
        "before_commit": state.commit,
        "before_rollout": state.rollout,
        "exists": state.exists,
        "pending": state.pending,
        "url": state.url,
        "updated": state.updated,
        "commit": commit,
        "before_program": state.program,
        "before_revision": state.revision,
        "revision": program and program.revision,
        "program": program and (program.commit or None),
        "owes": owes,
    }
    if program and program.refused:
        return Item(**facts, action="refused", reason=program.refused)
    root = program.folder if program else root
    try:
        stack = _own(name, root)
        wanted = digest.desired(stack)
    except (SettingsError, HubstackError) as error:
        return Item(**facts, action="refused", reason=str(error).replace(f"{root}/", ""))
    except Exception as error:  # one stack's oddities must not hide the others
        return Item(**facts, action="refused", reason=f"cannot be planned: {mistake(error)}")
    drawn = _new_tokens(state, wanted)
    facts |= {"cluster": stack.context, "namespace": wanted.namespace, "digest": wanted.digest, "new_tokens": drawn}
    if not state.finished or state.digest != wanted.digest:
        reason = _reason(state, wanted) + (f"; makes new tokens: {', '.join(drawn)}" if drawn else "")
        return Item(**facts, action="up", reason=reason)
    if still := [each for each in state.owes if each in owes]:
        words = " and ".join(_OWED[each] for each in still)
        return Item(**facts, action="gate", reason=f"{wanted.digest[:8]} is deployed, but {words}")
    return Item(**facts, action="skip", reason=f"unchanged: {wanted.digest[:8]} is deployed")


_OWED = {"gates": "its gates have not opened", "bake": "its wave has not baked"}


def _new_tokens(state: deployed.Deployed, wanted: digest.Desired) -> tuple[str, ...]:
    """Names of the tokens that a deployment draws anew, because their text in `rotateTokens` is another one."""
    return tuple(
        name
        for name, before in sorted(state.rotations.items())
        if (text := wanted.rotations.get(name, "")) != before and (text or name not in wanted.adopted)
    )


def _own(name: str, root: Path) -> stacks.Stack:
    """A stack whose file, and every file that it names, lie in the folder: a rollout deploys a revision.

    Raises:
        HubstackError: its file leads out of the folder, or cannot be read.
        SettingsError: files that it names lead out; lists all of them.
    """
    own = bounds.of_folder(root)
    if reason := own.refusal(root / f"Pulumi.{name}.yaml"):
        raise HubstackError(f"Pulumi.{name}.yaml {reason}")
    stack = stack_of(name, root)
    if refused := list(bounds.refusals(stack.config, root, own)):
        raise SettingsError(refused)
    return stack


def stack_of(name: str, root: Path) -> stacks.Stack:
    """A stack as a folder's files describe it.

    A relative kubeconfig belongs to the machine, so it starts from the project's folder whatever the revision. A stack
    on the embedded cluster gets that cluster's.

    Raises:
        HubstackError: the folder has no usable file for it.
    """
    stack = stacks.select(name, root=root)
    if stack.kubeconfig is None and stack.is_embedded:
        return stacks.select(name, root=root, kubeconfig=embedded_kubeconfig())
    kubeconfig = stack.kubeconfig
    if isinstance(kubeconfig, str) and not kubeconfig.startswith(("/", "~")):
        stack.settings["kubeconfig"] = str((project.ROOT / kubeconfig).resolve())
    return stack


def _reason(state: deployed.Deployed, wanted: digest.Desired) -> str:
    """Why a stack is due."""
    if not state.exists:
        return "is not deployed yet"
    if state.pending:
        return f"an update was interrupted ({state.pending} operations pending)"
    if state.mode and state.mode != wanted.mode:
        return f"switches from mode {state.mode} to mode {wanted.mode}, in place"
    if not state.digest:
        return "was not deployed by a rollout, or changed by other means since"
    if state.digest != wanted.digest:
        return f"changes from {state.digest[:8]} to {wanted.digest[:8]}"
    return "the last operation on it did not succeed"
