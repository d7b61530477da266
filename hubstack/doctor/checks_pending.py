"""What stands in the way of looking, or of an update: unfinished operations, locks, what cannot be decrypted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hubstack.doctor.finding import Finding, error, note, some, warning
from hubstack.doctor.subject import Subject

RECORDS = "owner=helm"
"""Selects the objects in which Helm keeps its releases."""

PREFIX = "sh.helm.release.v1."


def helm(subject: Subject) -> Iterator[Finding]:
    """No release of Helm in the namespace is in the middle of something."""
    latest: dict[str, tuple[int, str, str]] = {}
    for record in _records(subject):
        release, revision, status, name = record
        if revision >= latest.get(release, (-1, "", ""))[0]:
            latest[release] = (revision, status, name)
    for release, (revision, status, name) in sorted(latest.items()):
        yield from _judge(subject, release, revision, status, name)


def pulumi(subject: Subject) -> Iterator[Finding]:
    """The stack's state is readable, whole, and has no operation under way."""
    if subject.engine.problem:
        yield error(
            f"the stack's state cannot be read: {subject.engine.problem}",
            "no update runs, and the doctor cannot compare the state with the cluster",
            "check PULUMI_BACKEND_URL, the credentials for it, and PULUMI_CONFIG_PASSPHRASE or its file",
        )
        return
    state = subject.engine.state
    pending = [f"{each.type} {each.resource.kind} {each.resource.name}" for each in state.pending]
    if pending:
        yield warning(
            f"an interrupted update left {len(pending)} operations under way: {some(pending)}",
            "nobody has noted whether they happened; `pulumi up` alone would ask, and in CI stop",
            "run `hubstack up`: it settles them, looks at the cluster and continues",
        )
    if state.damaged_by:
        yield error(
            f"the state is damaged, as the engine itself noted (Pulumi {state.damaged_by})",
            "the next update may refuse, or delete what it no longer knows",
            "run `pulumi stack export` and `pulumi state repair`, or restore a backup of the state",
        )


def encrypted(subject: Subject) -> Iterator[Finding]:
    """Encrypted settings that decide more than a text could be read."""
    if subject.unread:
        yield note(
            f"{some([f'hubstack:{name}' for name in subject.unread])}: encrypted, and not decrypted here",
            "which objects follow from it is not known, so what other checks say of them may be wrong",
            "run the doctor where the stack's state and its passphrase, or the key of its secrets provider, are",
        )


def lock(subject: Subject) -> Iterator[Finding]:
    """Nobody holds the stack's lock."""
    if not subject.engine.locks_known:
        yield note(
            "this backend's locks cannot be seen from here",
            "an update that runs now shows only when the next one is refused",
            "look at the backend, or ask whoever else deploys this stack",
        )
    for each in subject.engine.locks:
        since = each.since[:19]
        held = f"the stack is locked by {each.holder} (process {each.pid}) since {since} UTC"
        if each.alive is False:
            yield warning(
                f"{held}, and that process has ended",
                "a plain `pulumi up` refuses to run",
                "run `hubstack up`: it removes the lock and settles what that update had under way",
            )
        elif each.alive:
            yield error(held, "an update is under way; a second one is refused", "wait for it to end")
        else:
            yield error(
                f"{held}, on another machine",
                "whether that update is alive cannot be seen from here; every other one is refused",
                "ask its owner; if it is known to be dead, run `pulumi cancel`",
            )


def _records(subject: Subject) -> Iterator[tuple[str, int, str, str]]:
    """Release, revision, status and object name of each record; what is in the records is not fetched."""
    for resource in ("secrets", "configmaps"):
        for each in subject.cluster.items(subject.path("v1", resource), RECORDS, metadata_only=True):
            labels: dict[str, Any] = each["metadata"].get("labels") or {}
            name, revision = each["metadata"]["name"], str(labels.get("version") or "0")
            if name.startswith(PREFIX):
                release = labels.get("name") or name.removeprefix(PREFIX).rpartition(".v")[0]
                yield release, int(revision) if revision.isdigit() else 0, str(labels.get("status") or ""), name


def _judge(subject: Subject, release: str, revision: int, status: str, name: str) -> Iterator[Finding]:
    ours = release == subject.settings.release_name
    what = f"Helm release {release!r}, revision {revision}: {status} (record {name})"
    if status.startswith("pending-"):
        fix = (
            f"make sure that no Helm runs, then `helm rollback {release} -n {subject.namespace}`"
            if revision > 1
            else f"make sure that no Helm runs, then delete the record {name}; the objects stay"
        )
        yield (error if ours else warning)(
            what, "Helm refuses every further change: 'another operation is in progress'", fix
        )
    elif status == "uninstalling":
        yield (error if ours else warning)(
            what,
            "an uninstallation did not end: some of the release's objects are gone, and finishing it deletes the rest",
            "look at what is left before anything else; if the hub is to stay, delete the record and deploy again",
        )
    elif status == "failed":
        yield warning(
            what,
            "the last change by Helm failed; the objects may be of two versions",
            f"see `helm history {release} -n {subject.namespace}`; the next update that succeeds mends it",
        )
    elif ours and status == "deployed" and subject.config.mode == "native" and subject.objects:
        yield warning(
            what,
            "Helm holds itself for the owner of this hub too, and `helm upgrade` or `helm uninstall` would change it",
            "take the release over first, or deploy to another namespace",
        )
