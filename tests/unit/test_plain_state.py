"""A state that has secrets in plain text from before: outputs become secret where inputs are, and nothing else."""

from __future__ import annotations

from typing import Any

from hubstack.engine.state import Resource, State, secret
from hubstack.lifecycle import plain_state

URN = "urn:pulumi:s::p::kubernetes:apps/v1:Deployment::d"


CIPHERTEXT = {**secret(""), "ciphertext": "v1:x"}
del CIPHERTEXT["plaintext"]


class Engine:
    """A stand-in for the engine on a stack with a state."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.edits = 0

    def edit_state(self, change: Any) -> None:
        """Change the state."""
        self.edits += 1
        self.state = change(self.state)


def deployment(value: Any, annotation: Any, *more: Any) -> dict[str, Any]:
    """Fields of an object, with something for a variable and an annotation."""
    env = [*more, {"name": "A", "value": value}, {"name": "B", "value": "canary"}]
    return {"metadata": {"name": "d", "annotations": {"a": annotation, "b": "c"}}, "spec": {"env": env}}


def test_outputs_follow_their_inputs() -> None:
    """In the outputs, and in the copy of the inputs among them, also where the cluster has added to a list."""
    inputs = deployment(secret("canary-value"), secret("x"))
    before = deployment("canary-value", "x", {"name": "ADDED", "value": "1"})
    old = {**before, "status": {"seen": "canary-value"}, "__inputs": deployment("canary-value", "x")}
    resource = Resource(urn=URN, type="kubernetes:apps/v1:Deployment", inputs=inputs, outputs=old)
    other = Resource(urn=f"{URN}2", type="kubernetes:apps/v1:Deployment", inputs=before, outputs=before)
    engine: Any = Engine(State((resource, other)))
    hidden = Resource(**{**vars(resource), "inputs": deployment(CIPHERTEXT, CIPHERTEXT)})
    assert plain_state.closed(hidden) != hidden, "that there is something to do shows without the passphrase"
    assert plain_state.close(engine, engine.state) == 1
    after = deployment(secret("canary-value"), secret("x"), {"name": "ADDED", "value": "1"})
    wanted = {**after, "status": {"seen": secret("canary-value")}, "__inputs": inputs}
    assert engine.state == State((Resource(**{**vars(resource), "outputs": wanted}), other))
    assert plain_state.close(engine, engine.state) == 0
    assert engine.edits == 1


def test_values_of_a_helm_release() -> None:
    """Leaf by leaf; a map whose keys are secrets becomes one as a whole."""
    inputs = {"values": {"a": {"b": secret("canary"), "c": 1}, "tokens": secret({"canary": "x"})}}
    old = {"values": {"a": {"b": "canary", "c": 1}, "tokens": {"canary": "x"}}, "status": {"name": "r"}}
    resource = Resource(urn=URN, type="kubernetes:helm.sh/v3:Release", inputs=inputs, outputs=old)
    assert plain_state.closed(resource).outputs == {**inputs, "status": {"name": "r"}}
