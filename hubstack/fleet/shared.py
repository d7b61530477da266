"""The journal that all machines share: a record in the backend of who runs which rollout, and how far it is.

Each machine works with a journal of its own and puts what it has into the record, some seconds later; who runs a
rollout, how it ends and what is asked of it is in the record at once. What must be known before an update begins is
beside the state of its stack: see `begun`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from hubstack import project
from hubstack.engine.record import Document, Record
from hubstack.errors import HubstackError
from hubstack.fleet import lease as leases
from hubstack.fleet.journal import Journal
from hubstack.fleet.lease import Lease
from hubstack.fleet.model import JOURNAL
from hubstack.project import definition

KEPT = 10
"""Rollouts that have ended and stay in the record; older ones stay in the journals of their machines."""

_LONGEST_REASON = 2000
_FORMAT = 1


class LostError(HubstackError):
    """Another process has taken the rollout over."""


@dataclass
class Shared:
    """The shared journal, as one machine uses it."""

    record: Record
    journal: Journal
    runners: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """Processes that run rollouts or did, by name: their host, and until when they were alive."""

    @staticmethod
    def open(journal: Journal, environment: Mapping[str, str], say: Callable[[str], object]) -> Shared:
        """The shared journal of the project.

        Arguments:
            journal: this machine's.
            environment: variables for the engine.
            say: is told what is cleaned up.

        Raises:
            HubstackError: this machine's folder cannot be written.
        """
        named = yaml.safe_dump({"name": definition.name(project.ROOT), "runtime": definition.RUNTIME})
        try:
            folder = project.private_folder(journal.file.parent / "record")
            file = folder / definition.FILE
            if not file.is_file() or file.read_text(encoding="utf-8") != named:
                project.write_private(file, named)
        except OSError as error:
            raise HubstackError(f"{journal.file.parent}: cannot be written: {error.strerror}") from None
        return Shared(Record(JOURNAL, folder, environment, say), journal)

    def pull(self) -> None:
        """Take what other machines have recorded into this machine's journal.

        Raises:
            HubstackError: the backend does not answer.
        """
        self._take(self.record.read() or {})

    def require_free(self, stacks: Collection[str]) -> None:
        """Refuse to begin a rollout of stacks of which another one has some; `claim` does so once more.

        Raises:
            HubstackError: another rollout runs or waits; says which.
        """
        for rollout, entry in (self.record.read() or {}).get("rollouts", {}).items():
            _refuse_another(rollout, entry, stacks)

    def claim(
        self,
        rollout: str,
        lease: Lease,
        stacks: Collection[str],
        begin: Callable[[], object],
        *,
        from_runner: str | None = None,
        insist: bool = False,
    ) -> None:
        """Become the one process that runs a rollout.

        Arguments:
            rollout: its id.
            lease: of this process.
            stacks: names of the stacks that it is about.
            begin: records in this machine's journal that this process runs it; is called once nothing is against it.
            from_runner: who has run it so far; None for a new one.
            insist: whether its present runner, and whatever that has started, is known to be dead.

        Raises:
            HubstackError: another process runs it, or another rollout is under way on one of the stacks; says who.
        """
        begun: list[bool] = []

        def change(document: Document) -> Document:
            for each, entry in document.get("rollouts", {}).items():
                if each == rollout:
                    _refuse_living(each, entry, from_runner=from_runner, insist=insist)
                else:
                    _refuse_another(each, entry, stacks)
            if not begun:  # the engine may have failed after this, and be tried again
                begin()
                self.journal.hold(rollout, lease)
                begun.append(True)
            return self._put(document, rollout, lease)

        self._take(self.record.change(change), besides=rollout)

    def push(self, rollout: str, lease: Lease) -> None:
        """Put what this machine knows of a rollout that it runs, or has changed, into the record.

        Raises:
            LostError: another process runs it now.
            HubstackError: the backend does not answer.
        """

        def change(document: Document) -> Document:
            there = document.get("rollouts", {}).get(rollout)
            if there and there["lease"] and there["lease"]["runner"] != lease.runner:
                raise LostError(f"rollout {rollout} was taken over by another process on {there['lease']['host']}")
            return self._put(document, rollout, lease)

        self._take(self.record.change(change), besides=rollout)

    def amend(self, rollout: str, change: Callable[[dict[str, Any]], None]) -> None:
        """Change the record of a rollout that another process runs, or none.

        Arguments:
            rollout: its id.
            change: is given its entry.

        Raises:
            HubstackError: the backend does not answer.
        """
        home = leases.home()

        def change_document(document: Document) -> Document:
            if entry := document.get("rollouts", {}).get(rollout):
                change(entry)
                entry["writer"] = home
            return document

        self._take(self.record.change(change_document))

    def ask(self, rollout: str, request: str) -> None:
        """Ask the process that runs a rollout, wherever that is: as `Journal.request` does on one machine."""

        def change(document: Document) -> Document:
            if entry := document.get("rollouts", {}).get(rollout):
                entry["requests"][request] = time.time()
            return document

        self._take(self.record.change(change))

    def _put(self, document: Document, rollout: str, lease: Lease) -> Document:
        """The document with this machine's entry of a rollout, and requests that came in meanwhile."""
        rollouts = document.setdefault("rollouts", {})
        before = rollouts.get(rollout) or {}
        entry = self.journal.entry(rollout)
        entry["reason"] = entry["reason"][:_LONGEST_REASON]
        for step in entry["steps"]:
            step[4] = step[4][:_LONGEST_REASON]
        if before.get("lease") and before["lease"]["runner"] == lease.runner:
            entry["requests"] = {**before["requests"], **entry["requests"]}
        runners = {**document.get("runners", {})}
        runners[lease.runner] = {"rollout": rollout, "host": lease.host, "until": lease.until}
        rollouts[rollout] = entry
        ended = [each for each in rollouts if rollouts[each]["state"] not in ("running", "paused")]
        for each in sorted(ended, key=lambda each: rollouts[each]["started"])[:-KEPT]:
            del rollouts[each]
        return {
            "format": _FORMAT,
            "rollouts": rollouts,
            "runners": {name: facts for name, facts in runners.items() if facts["rollout"] in rollouts},
        }

    def _take(self, document: Document, besides: str = "") -> None:
        """Take over entries that other machines have written."""
        if document and document.get("format") != _FORMAT:
            raise HubstackError(
                f"stack {JOURNAL}: was written by another version of Hubstack (format {document.get('format')}, known: "
                f"{_FORMAT}); use the version that the project pins"
            )
        self.runners = dict(document.get("runners", {}))
        home = leases.home()
        for rollout, entry in sorted(document.get("rollouts", {}).items(), key=lambda item: item[1]["started"]):
            if rollout == besides or (entry["writer"] == home and self.journal.writer(rollout) == home):
                for request in entry["requests"].keys() - self.journal.requests(rollout):
                    self.journal.request(rollout, request)
            else:
                self.journal.load(entry)


def _refuse_living(rollout: str, entry: Mapping[str, Any], *, from_runner: str | None, insist: bool) -> None:
    """Refuse to take a rollout over from a process that lives, or that is another than was thought."""
    lease = _lease(entry)
    if lease and from_runner and lease.runner != from_runner:
        raise HubstackError(f"{_who(rollout, entry)} was taken over meanwhile; see `hubstack rollout status`")
    if lease and _is_alive(entry) and not insist:
        left = max(0, round(lease.until - time.time()))
        raise HubstackError(
            f"{_who(rollout, entry)} is under way; wait for it, or ask it: `hubstack rollout pause`, `abort`. If it "
            f"was killed, its lease ends in {left} s; if that process and all that it has started are known to be "
            "dead, go on at once with: hubstack rollout resume --take-over. Nothing was changed."
        )


def _refuse_another(rollout: str, entry: Mapping[str, Any], stacks: Collection[str]) -> None:
    """Refuse to begin a rollout beside another one that runs or waits, and has some of the same stacks."""
    if entry["state"] not in ("running", "paused") or _stacks(entry["plan"]).isdisjoint(stacks):
        return
    if _is_alive(entry):
        raise HubstackError(
            f"a rollout is under way: {_who(rollout, entry)}; wait for it, or see `hubstack rollout status`, `pause`, "
            "`abort`. Nothing was changed."
        )
    what = "was interrupted" if entry["state"] == "running" else f"is paused: {entry['reason']}"
    raise HubstackError(
        f"{_who(rollout, entry)} {what}. Go on with: hubstack rollout resume. Or end it with: hubstack rollout abort. "
        "Nothing was changed."
    )


def _who(rollout: str, entry: Mapping[str, Any]) -> str:
    since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(entry["started"]))
    return f"rollout {rollout} by {entry['owner']} on {entry['host']} (process {entry['pid']}, since {since})"


def _lease(entry: Mapping[str, Any]) -> Lease | None:
    return Lease.from_dict(entry["lease"]) if entry["lease"] else None


def _is_alive(entry: Mapping[str, Any]) -> bool:
    lease = _lease(entry)
    return entry["state"] == "running" and lease is not None and lease.alive


def renewed(lease: Lease, now: float) -> Lease:
    """A lease from now on."""
    return replace(lease, seen=now)


def _stacks(plan: Mapping[str, Any]) -> set[str]:
    """Names of the stacks that a plan is about."""
    return {item["stack"] for item in plan["items"]}
