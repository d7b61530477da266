"""What a state has in plain text that the program keeps secret now: closed in the state, and nowhere else touched.

A field that becomes secret is no change to the engine: it notes that the input is one, and leaves the outputs of an
unchanged resource as an earlier version of the program, or somebody's plain-text setting, has let them be.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from hubstack.engine.stack import EngineStack
from hubstack.engine.state import Resource, State, is_secret, revealed, secret

_INPUTS = "__inputs"
"""Output in which the Kubernetes provider keeps the inputs."""
SHORTEST = 8
"""Characters from which a secret input is looked for in the resource's outputs wherever it is."""


def close(engine: EngineStack, state: State) -> int:
    """Make outputs secret whose inputs are.

    Arguments:
        engine: the engine on the stack, whose state is changed.
        state: its state; secrets may be encrypted.

    Returns:
        Number of resources that had a secret in plain text.
    """
    count = sum(closed(each) != each for each in state.resources)
    if count:
        engine.edit_state(lambda opened: opened.map(closed))
    return count


def closed(resource: Resource) -> Resource:
    """A resource whose outputs are secret where its inputs are."""
    texts = frozenset(_texts(resource.inputs))
    outputs = {key: _closed(resource.inputs.get(key), value, texts) for key, value in resource.outputs.items()}
    if isinstance(before := resource.outputs.get(_INPUTS), Mapping):
        outputs[_INPUTS] = _closed(resource.inputs, before, texts)
    return replace(resource, outputs=outputs)


def _closed(given: Any, found: Any, texts: frozenset[str]) -> Any:
    if is_secret(found) or found is None:
        return found
    if is_secret(given) or (isinstance(found, str) and found in texts):
        return secret(found)
    if isinstance(found, Mapping):
        given = given if isinstance(given, Mapping) else {}
        return {key: _closed(given.get(key), each, texts) for key, each in found.items()}
    if isinstance(found, list):
        return [_closed(_partner(given, at, each), each, texts) for at, each in enumerate(found)]
    return found


def _partner(given: Any, at: int, found: Any) -> Any:
    """The member of a list that another list's member is: by its name, since clusters add some, else by its place."""
    if not isinstance(given, list):
        return None
    if name := _name(found):
        return next((each for each in given if _name(each) == name), None)
    return given[at] if at < len(given) else None


def _name(member: Any) -> Any:
    return member.get("name") if isinstance(member, Mapping) else None


def _texts(inputs: Any) -> Iterator[str]:
    """Secret texts of some inputs, as far as they are in the open."""
    if is_secret(inputs):
        text = revealed(inputs)
        if isinstance(text, str) and len(text) >= SHORTEST:
            yield text
    elif isinstance(inputs, Mapping):
        for each in inputs.values():
            yield from _texts(each)
    elif isinstance(inputs, list):
        for each in inputs:
            yield from _texts(each)
