"""The procedure of an update: what it consists of, and that a refusal comes before everything else."""

from __future__ import annotations

import re
from typing import Any

import pytest

from hubstack import project
from hubstack.engine import provider
from hubstack.engine.notices import Notice
from hubstack.engine.stack import Report
from hubstack.engine.state import NAMESPACE, State
from hubstack.errors import HubstackError
from hubstack.lifecycle.deploy import STEPS, Order, Outcome, deploy
from hubstack.migration import access
from hubstack.migration.take_over import Source
from hubstack.project.stacks import Stack

KNOWN = {"type": "kubernetes:core/v1:ConfigMap", "urn": "urn:hub"}
PENDING = {"type": "updating", "resource": {"type": "random:index/randomId:RandomId", "urn": "urn:key"}}
REPORT = Report({"same": 3})


@pytest.fixture(autouse=True)
def known_to_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no cluster here; the real one is asked in tests/engine/test_credentials.py."""
    monkeypatch.setattr(access, "require_login", lambda _: None)


class Engine:
    """A stand-in for the engine on a stack with a state; notes what is asked of it."""

    def __init__(self, state: dict[str, Any], **config: Any) -> None:
        self.stack = Stack(name="a", base="a", config={f"hubstack:{key}": config[key] for key in config}, document={})
        self.state = State.read(state)
        self.asked: list[Any] = []
        self.steps: list[str] = []

    def tell(self, notice: Notice) -> None:
        """Note the steps."""
        if notice.kind == "step":
            self.steps.append(notice.text)

    def say(self, text: str) -> None:
        """Nobody listens."""

    def checkpoint(self) -> State:
        """The state."""
        return self.state

    def edit_state(self, change: Any) -> None:
        """Change the state."""
        self.asked.append("edit state")
        self.state = change(self.state)

    def refresh(self) -> None:
        """Nothing has changed."""
        self.asked.append("refresh")

    def update(self, *, variables: dict[str, str], message: str) -> Report:
        """Nothing was to do."""
        self.asked.append(("update", dict(variables), message))
        return REPORT


def test_the_steps_are_those_of_the_picture() -> None:
    """docs/architecture.md lists every step in its order."""
    page = (project.ROOT / "docs" / "architecture.md").read_text()
    table = page.partition("| Step |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)`", table, re.MULTILINE) == [step.__name__ for step in STEPS]


def test_an_update_without_a_history() -> None:
    """Every step has its turn, the engine runs once, and may take nothing over."""
    engine = Engine({"resources": [KNOWN]})
    done = deploy(engine, Order({"A": "1"}, "because"))
    assert done == Outcome(REPORT, 0, None, Source.NOTHING, ())
    assert engine.asked == [("update", {"A": "1"}, "because")]
    assert engine.steps == [step.__name__.replace("_", " ") for step in STEPS]


def test_an_interrupted_update_is_settled_first() -> None:
    """What was under way is settled before the engine runs, which may then take over what that update made."""
    engine = Engine({"resources": [KNOWN], "pending_operations": [PENDING]})
    done = deploy(engine)
    assert done == Outcome(REPORT, 1, None, Source.NOTHING, ())
    assert engine.asked == ["edit state", "refresh", ("update", provider.TAKE_OVER, "")]


@pytest.mark.parametrize(
    ("state", "order", "reason"),
    [
        ({"resources": [KNOWN], "pending_operations": [PENDING]}, Order(may_settle=False), "left alone"),
        (
            {"resources": [{"type": NAMESPACE, "urn": "urn:n", "inputs": {"metadata": {"name": "elsewhere"}}}]},
            Order(),
            "hubstack:namespace: 'elsewhere' -> 'jhub'",
        ),
    ],
)
def test_a_refusal_changes_nothing(state: dict[str, Any], order: Order, reason: str) -> None:
    """Nothing is asked of the engine once a step has refused."""
    engine = Engine(state, kubeContext="east")
    with pytest.raises(HubstackError, match=reason):
        deploy(engine, order)
    assert engine.asked == []


def test_a_switch_of_mode_needs_a_file_of_the_stack_s_own() -> None:
    """A stack that a command line has named, and no file, cannot say with what it goes on."""
    outputs = {"type": "pulumi:pulumi:Stack", "urn": "urn:stack", "outputs": {"mode": "helm"}}
    engine = Engine({"resources": [outputs, KNOWN]}, kubeContext="east")
    engine.stack = Stack(name="a-native", base="a", config=engine.stack.config, document={})
    with pytest.raises(HubstackError, match="stack a-native is deployed in mode 'helm', and has no file of its own"):
        deploy(engine)
    assert engine.asked == []
