"""Checks of what an unfinished update left behind."""

from __future__ import annotations

import json
import os
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hubstack import project
from hubstack.doctor import checks_pending
from hubstack.doctor.state import EngineState, Lock, read_locks
from hubstack.engine.state import State
from hubstack.project import stacks
from tests.unit.doctor.fake import CORE, named, subject, texts

SECRETS = f"{CORE}/secrets"


def record(release: str, revision: int, status: str) -> dict[str, Any]:
    """A record as Helm labels it."""
    labels = {"owner": "helm", "name": release, "version": str(revision), "status": status}
    return named(f"sh.helm.release.v1.{release}.v{revision}", labels=labels)


def stack(name: str, root: Path = project.ROOT) -> stacks.Stack:
    """A stack of the project in a folder."""
    return stacks.Stack(name=name, base=name, config={}, document={}, root=root)


def helm(*records: dict[str, Any], mode: str = "helm") -> list[tuple[str, str]]:
    """What the check says about these records."""
    return texts(list(checks_pending.helm(subject(lists={SECRETS: list(records)}, mode=mode))))


@pytest.mark.parametrize("status", ["pending-install", "pending-upgrade", "pending-rollback", "uninstalling"])
def test_an_unfinished_operation_of_helm_is_an_error(status: str) -> None:
    """The last record decides, and is named."""
    what = f"Helm release 'jhub', revision 2: {status} (record sh.helm.release.v1.jhub.v2)"
    assert helm(record("jhub", 1, "deployed"), record("jhub", 2, status)) == [("error", what)]


def test_a_failed_release_is_a_warning() -> None:
    """A failed change may be mended by the next one."""
    assert [severity for severity, _ in helm(record("jhub", 1, "failed"))] == ["warning"]


def test_finished_operations_are_silence() -> None:
    """Earlier records do not matter, whatever they say, nor do Secrets that are no records; 10 comes after 9."""
    old = [record("jhub", 9, "pending-upgrade"), record("jhub", 10, "deployed"), record("jhub", 2, "superseded")]
    assert helm(*old, named("hub", labels={"owner": "helm"}), named("sh.helm.release.v1.x.v1")) == []


def test_a_hub_of_helm_under_a_native_stack_is_a_warning() -> None:
    """Two tools that hold themselves for the owner of one hub are named; another release is not."""
    assert [severity for severity, _ in helm(record("jhub", 1, "deployed"), mode="native")] == ["warning"]
    assert helm(record("ingress", 1, "deployed"), mode="native") == []


def test_pending_operations_of_pulumi() -> None:
    """Operations under way are counted and named; a state without any is silence."""
    urn = "urn:pulumi:dev::hubstack::kubernetes:apps/v1:Deployment::jupyterhub-hub"
    resource = {"urn": urn, "type": "kubernetes:apps/v1:Deployment"}
    state = State.read({"pending_operations": [{"type": "creating", "resource": resource}]})
    found = texts(list(checks_pending.pulumi(subject(engine=EngineState(state)))))
    what = "an interrupted update left 1 operations under way: creating Deployment jupyterhub-hub"
    assert found == [("warning", what)]
    assert list(checks_pending.pulumi(subject(engine=EngineState()))) == []


def test_a_damaged_or_unreadable_state_is_an_error() -> None:
    """What the engine noted in the state, and what it said when it could not read it."""
    damaged = EngineState(State.read({"metadata": {"integrity_error": {"version": "3.1.0"}}}))
    for state in (damaged, EngineState(problem="incorrect passphrase")):
        assert [each for each, _ in texts(list(checks_pending.pulumi(subject(engine=state))))] == ["error"]


@pytest.mark.parametrize(("alive", "severity"), [(True, "error"), (False, "warning"), (None, "error")])
def test_a_lock_is_named_with_its_holder(alive: bool | None, severity: str) -> None:
    """A lock of an ended process is a warning, one that may be alive an error."""
    state = EngineState(locks=(Lock("jo@laptop", "laptop", 7, "2026-01-01T10:00:00Z", alive),))
    ((found, what),) = texts(list(checks_pending.lock(subject(engine=state))))
    assert found == severity
    assert what.startswith("the stack is locked by jo@laptop (process 7) since 2026-01-01T10:00:00 UTC")


def test_locks_are_read_and_left(tmp_path: Path) -> None:
    """Locks of this machine are judged by their process, others are not; no file is removed."""
    folder = tmp_path / ".pulumi/locks/organization/hubstack/dev"
    folder.mkdir(parents=True)
    now = datetime.now(UTC)
    holders = [(os.getpid(), socket.gethostname(), now), (os.getpid(), socket.gethostname(), now - timedelta(days=400))]
    for index, (pid, host, since) in enumerate([*holders, (1, "elsewhere", now)]):
        text = {"pid": pid, "hostname": host, "username": "jo", "timestamp": since.isoformat()}
        (folder / f"{index}.json").write_text(json.dumps(text))
    assert [each.alive for each in read_locks(tmp_path, stack("dev"))] == [True, False, None]
    assert list(read_locks(tmp_path, stack("prod"))) == []
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    assert list(read_locks(tmp_path, stack("dev", tmp_path))) == [], "a stack of another project is another stack"
    assert len(list(folder.iterdir())) == 3


def test_nobody_holds_the_lock() -> None:
    """No lock is silence; a backend whose locks cannot be seen is a note."""
    assert list(checks_pending.lock(subject())) == []
    unseen = subject(engine=EngineState(locks_known=False))
    assert [severity for severity, _ in texts(list(checks_pending.lock(unseen)))] == ["note"]
