"""One attempt on one stack, up to where the engine would begin; probes; the engine's event log."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from hubstack.engine import backend, events, operation, provider
from hubstack.engine.servers import EngineGoneError, ForkServers
from hubstack.engine.state import NAMESPACE, State
from hubstack.fleet import attempt, deployed, plan, probe
from hubstack.fleet.attempt import Deployer, Outcome
from hubstack.fleet.journal import Journal
from hubstack.migration import access
from hubstack.project.stacks import Stack

ITEM = plan.Item("a", "all", "up", "because", digest="d1")
PENDING = {"type": "updating", "resource": {"type": "random:index/randomId:RandomId", "urn": "urn:key"}}
MARK = {"digest": "d1", "commit": "c1", "rollout": "r0"}


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A stack whose cluster is there."""
    monkeypatch.setenv("HUBSTACK_STATE_DIR", str(tmp_path))
    found = Stack(name="a", base="a", config={}, document={}, root=tmp_path)
    monkeypatch.setattr(plan, "stack_of", lambda name, root: found)
    monkeypatch.setattr(probe, "unreachable", lambda _: None)
    monkeypatch.setattr(access, "require_login", lambda _: None)
    return found


def deploy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, state: dict[str, Any], *history: str, last: Any = None
) -> Outcome:
    """Deploy a stack in a state, after some earlier attempts that ended in some way; no update can be made.

    Its detail becomes what was asked of the engine.
    """
    asked: list[str] = []

    class Engine:
        """A stand-in for the engine on the stack."""

        def __init__(self, stack: Stack, environment: Any, tell: Any, **_: Any) -> None:
            self.stack, self.tell = stack, tell

        def say(self, text: str) -> None:
            """Nobody listens."""

        def checkpoint(self) -> State:
            """The state."""
            return State.read(state)

        def edit_state(self, change: Callable[[State], State]) -> None:
            """Change the state."""
            asked.append("edit state")
            after = change(State.read(state)).document()
            state.clear()
            state.update(after)

        def refresh(self) -> None:
            """Nothing has changed."""
            asked.append("refresh")

        def update(self, *, variables: dict[str, str], message: str) -> Any:
            """Ended by something else."""
            asked.append("update")
            assert variables.keys() >= {deployed.VARIABLE}
            asked.extend(sorted(provider.TAKE_OVER.keys() & variables.keys()))
            raise EngineGoneError("the process that runs the program has ended: killed")

    monkeypatch.setattr(attempt, "EngineStack", Engine)
    monkeypatch.setattr(backend, "read", lambda *_: backend.Checkpoint(State.read(state), last or {}))
    book = Journal()
    book.begin("r", {}, {})
    for end in history:
        step = book.start("r", "all", "a", "up")
        if end != "started":
            book.finish(step, end)
    book.start("r", "all", "a", "up")
    outcome = Deployer("r", tmp_path, {}, ForkServers({}), book).deploy(ITEM, tmp_path, lambda _: None)
    return Outcome(outcome.state, outcome.reason, {"asked": asked})


def test_foreign_pending_operations_are_left_alone(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Operations that an update of somebody else left are reported; nothing is settled, nothing is deployed."""
    outcome = deploy(monkeypatch, tmp_path, {"pending_operations": [PENDING, PENDING]}, "succeeded")
    assert (outcome.state, outcome.detail) == ("failed", {"asked": []})
    assert "2 operations pending); left alone" in outcome.reason


def test_own_pending_operations_are_settled(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a killed update of ours left is settled before the engine starts again, and what it made is taken over."""
    state = {"resources": [], "pending_operations": [PENDING]}
    outcome = deploy(monkeypatch, tmp_path, state, "succeeded", "started", "unreachable")
    assert outcome.detail == {"asked": ["edit state", "refresh", "update", *sorted(provider.TAKE_OVER)]}
    assert state == {"resources": []}
    assert (outcome.state, outcome.reason.partition(":")[0]) == (
        "transient",
        "the process that runs the program has ended",
    )


@pytest.mark.parametrize(("before", "variables"), [("started", sorted(provider.TAKE_OVER)), ("failed", [])])
def test_what_a_killed_update_made_is_taken_over(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str, variables: list[str]
) -> None:
    """The state need not know of it: an update of ours that was killed is enough, and nothing less is."""
    known = {"type": "kubernetes:core/v1:ConfigMap", "urn": "urn:hub"}
    outcome = deploy(monkeypatch, tmp_path, {"resources": [known]}, "succeeded", before)
    assert outcome.detail == {"asked": ["update", *variables]}


def test_what_is_deployed_already_is_not_deployed_again(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stack that was finished just before a kill is not run again by resume."""
    outputs = {"type": "pulumi:pulumi:Stack", "urn": "urn:stack", "outputs": {deployed.OUTPUT: MARK}}
    last = {"kind": "update", "result": "succeeded", "message": deployed.message("r0", "d1")}
    outcome = deploy(monkeypatch, tmp_path, {"resources": [outputs]}, "started", last=last)
    assert outcome == Outcome("succeeded", "is deployed already", {"asked": []})


def test_data_is_safe_from_rollouts(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change that would move a hub away from its data fails for that stack before the engine starts."""
    stack.config["hubstack:kubeContext"] = "east"
    namespace = {"type": NAMESPACE, "inputs": {"metadata": {"name": "elsewhere"}}}
    outcome = deploy(monkeypatch, tmp_path, {"resources": [namespace]})
    assert (outcome.state, outcome.detail) == ("failed", {"asked": []})
    assert outcome.reason.startswith("hubstack:namespace: 'elsewhere' -> 'jhub'\n")


def test_an_unreachable_cluster_is_not_touched(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is run, and no backend is asked, where the cluster does not answer."""
    monkeypatch.setattr(probe, "unreachable", lambda _: "no answer")
    outcome = deploy(monkeypatch, tmp_path, {})
    assert outcome == Outcome("unreachable", "no answer", {"asked": []})


@pytest.fixture
def api_server() -> Iterator[type[BaseHTTPRequestHandler]]:
    """An API server that answers one status."""

    class Handler(BaseHTTPRequestHandler):
        status = 401

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            self.send_response(type(self).status)
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Handler.port = server.server_port  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Handler
    server.shutdown()


def on(tmp_path: Path, server: str) -> Stack:
    """A stack on a cluster."""
    document = {
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server}}],
    }
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(document))
    config = {"hubstack:kubeContext": "c", "hubstack:kubeconfig": str(tmp_path / "kubeconfig")}
    return Stack(name="a", base="a", config=config, document={})


def test_probe(tmp_path: Path, api_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any answer will do unless it says overload; a closed port and a wrong context are reasons."""
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    server = f"http://127.0.0.1:{api_server.port}"
    assert probe.unreachable(on(tmp_path, server)) is None
    for status in (429, 503):
        api_server.status = status
        assert probe.unreachable(on(tmp_path, server)) == f"API server {server} answers {status}"
    assert "does not answer" in str(probe.unreachable(on(tmp_path, "http://127.0.0.1:1")))
    other = on(tmp_path, server)
    other.config["hubstack:kubeContext"] = "d"
    assert "no usable context 'd'" in str(probe.unreachable(other))


def test_event_log(tmp_path: Path) -> None:
    """Events are taken in as they come, half a line waits, and the engine's own echoes are no errors."""
    file, seen = tmp_path / "events", []
    log = events.EventLog(file, lambda notice: seen.append(notice.text))
    log.read()
    urn = "urn:pulumi:a::hubstack::hubstack:index:Hub$kubernetes:core/v1:Secret::hub-secret"
    lines = [
        {"resourcePreEvent": {"metadata": {"op": "update", "urn": urn}}},
        {"diagnosticEvent": {"severity": "error", "message": "<{%reset%}>the quota is used up<{%reset%}>\n"}},
        {"diagnosticEvent": {"severity": "error", "message": "update failed"}},
        {"summaryEvent": {"resourceChanges": {"same": 3, "update": 1}}},
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    file.write_text(text[:-5])
    log.read()
    assert (seen, log.errors, log.changes) == (["updating Secret hub-secret"], ["the quota is used up"], {})
    file.write_text(text)
    log.read()
    assert attempt.in_words(log.changes) == "1 update"


def test_last_error() -> None:
    """Another owner's lock is said with its owner; else the last error counts."""
    locked = "x\nerror: the stack is currently locked by 1 lock(s).\n  y: created by me@host (pid 7) at 2026-11-23\n"
    assert operation.last_error(locked).startswith("the stack is locked by me@host (process 7) since 2026-11-23")
    assert operation.last_error("a\nerror: one\nerror: two\n") == "two"
