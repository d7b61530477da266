"""`hubstack destroy`: a stack with data goes only when somebody has said what becomes of the data."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from hubstack.engine import state as types
from hubstack.engine.stack import Report
from hubstack.engine.state import Resource, State
from hubstack.errors import HubstackError
from hubstack.lifecycle import guards
from hubstack.lifecycle.updates import Updater
from hubstack.migration import access, helm_storage
from hubstack.project.stacks import Stack

_KEPT = (types.CLAIM, types.NAMESPACE, types.STORAGE_CLASS, types.TOKEN_IDENTITY)
"""Types of what holds data, and of what tells one token from another."""
_HOME = "claim-"
"""Begin of the names of home volumes (kubespawner: ``pvc_name_template``)."""


@dataclass(frozen=True)
class Data:
    """What a stack's hub keeps in the cluster."""

    namespace: str
    owns_namespace: bool
    """Whether the stack has made the namespace, and deletes it with everything that is in it."""
    own: list[str] = field(default_factory=list)
    """Volume claims that the stack deletes."""
    others: list[str] = field(default_factory=list)
    """Volume claims of the namespace that are not the stack's: homes, mostly."""
    retained: list[str] = field(default_factory=list)
    """Volumes that stay in the cluster when their claims go, by their reclaim policy."""

    def lines(self) -> Iterator[str]:
        """For people, one thing a line; homes are counted, because there may be thousands."""
        homes = [name for name in self.others if name.startswith(_HOME)]
        if self.owns_namespace:
            yield f"Namespace {self.namespace}"
        yield from (f"PersistentVolumeClaim {name}" for name in [*self.own, *sorted({*self.others} - {*homes})])
        if homes:
            yield f"{len(homes)} home volumes: PersistentVolumeClaim {homes[0]}{', ...' if homes[1:] else ''}"


def destroy(engine: Updater, *, keep: bool, delete: bool) -> Report:
    """Destroy a stack.

    Arguments:
        engine: the engine on the stack; its listener gets what stays behind.
        keep: leave what holds data, and the tokens, in the cluster and in the stack.
        delete: delete all that the stack has made.

    Raises:
        HubstackError: there is data and nobody has said what becomes of it, or its protection forbids what was said.
            Nothing was changed then.
    """
    if keep and delete:
        raise HubstackError("--keep-data --delete-data: contradict each other; say one of the two")
    stack = engine.stack
    protect = stack.settings.get("protectData", True) not in (False, "false")
    found: list[Data] = []

    def prepare(state: State) -> State:
        found.append(_data(stack, state))
        if delete and protect:
            raise HubstackError(
                f"--delete-data: hubstack:protectData of stack {stack.name} is true; if its data may really go, set it "
                f"to false in Pulumi.{stack.base}.yaml, then again. Nothing was changed."
            )
        if not keep and not delete and state.has(*guards.HOLDS_DATA):
            raise _undecided(stack, found[0])
        return _protected(stack, state) if keep else unprotected(state)

    engine.edit_state(prepare)
    report = engine.destroy(keep_protected=keep)
    for line in _left(stack, found[0], keep=keep):
        engine.say(line)
    return report


def _data(stack: Stack, state: State) -> Data:
    """What there is; asks the cluster."""
    import kubernetes
    import urllib3

    core = kubernetes.client.CoreV1Api(access.of(stack))
    volumes = []
    try:
        claims = core.list_namespaced_persistent_volume_claim(stack.namespace).items
        with contextlib.suppress(kubernetes.client.ApiException):  # who deploys need not see other namespaces' volumes
            volumes = core.list_persistent_volume().items
    except (urllib3.exceptions.HTTPError, kubernetes.client.ApiException) as error:
        raise HubstackError(
            f"hubstack:kubeContext: {stack.context!r}: volume claims in namespace {stack.namespace} cannot be listed "
            f"({getattr(error, 'reason', None) or error}), so nobody knows what data there is. Nothing was changed."
        ) from None
    own = {each.object_name for each in state.of_type(types.CLAIM)}
    if state.release:
        found = helm_storage.claims(core.api_client, *_place(state.release))
        own |= {claim["metadata"]["name"] for claim in found}
    names = {each.metadata.name for each in claims}
    retained = [
        each.metadata.name
        for each in volumes
        if each.spec.claim_ref
        and each.spec.claim_ref.namespace == stack.namespace
        and each.spec.persistent_volume_reclaim_policy == "Retain"
    ]
    return Data(
        stack.namespace,
        state.has(types.NAMESPACE),
        sorted(names & own),
        sorted(names - own),
        sorted(retained),
    )


def _undecided(stack: Stack, data: Data) -> HubstackError:
    lines = [f"stack {stack.name}: there is data:", *(f"  {line}" for line in data.lines())]
    rest = "the namespace with every volume in it" if data.owns_namespace else "homes stay, they are not the stack's"
    return HubstackError(
        "\n".join(lines)
        + "\nsay what becomes of it: --keep-data leaves all of that and the tokens, so that `hubstack up` brings the "
        f"same hub back; --delete-data deletes everything that the stack has made ({rest}). Nothing was changed."
    )


def _place(release: Resource) -> tuple[str, str]:
    """Namespace and name of a Helm release."""
    return release.inputs["namespace"], release.inputs["name"]


def _protected(stack: Stack, state: State) -> State:
    """A state in which what holds data is protected, and nothing else; a release goes, and leaves its claims."""
    if state.release:
        helm_storage.keep_data(access.of(stack), *_place(state.release))

    def change(each: Resource) -> Resource:
        retained = each.retain_on_delete and each.type != types.HELM_RELEASE
        kept = each.type in _KEPT or each.is_token_key or each.is_former_token_key
        return replace(each, protect=kept, retain_on_delete=retained)

    return state.map(change)


def unprotected(state: State) -> State:
    """A state of which a destroy deletes everything."""
    return state.map(lambda each: replace(each, protect=False, retain_on_delete=False))


def _left(stack: Stack, data: Data, *, keep: bool) -> Iterator[str]:
    if keep:
        yield f"stays in the cluster, and in stack {stack.name} together with the tokens:"
        yield from (f"  {line}" for line in data.lines())
        yield f"`hubstack up --stack {stack.name}` brings the hub back; --delete-data deletes the rest"
        return
    left = [f"PersistentVolume {name}: its reclaim policy is Retain" for name in data.retained]
    if not data.owns_namespace:
        left += [f"PersistentVolumeClaim {name}: is not the stack's" for name in data.others]
    if left:
        yield f"stays in cluster {stack.context}:"
        yield from (f"  {line}" for line in left)
