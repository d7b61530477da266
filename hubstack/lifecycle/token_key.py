"""A stack whose state an earlier version wrote: its key of all tokens moves before anything else happens."""

from __future__ import annotations

from hubstack.engine import token_key
from hubstack.engine.stack import EngineStack
from hubstack.engine.state import State
from hubstack.errors import HubstackError

MOVING = (
    "the key of all tokens moves to where the state does not tell it; no token changes. Earlier copies of the state "
    "tell it still: docs/tokens.md says who should renew the key"
)
"""What is said of it."""


def move(engine: EngineStack, state: State) -> bool:
    """Let the state have the key where it cannot be read, and return whether it was elsewhere; no token changes.

    Arguments:
        engine: the engine on the stack.
        state: its state.

    Raises:
        HubstackError: the program is of an earlier version, and would not find the key that has moved already.
    """
    stack = engine.stack
    if token_key.is_known_to(stack.root):
        if state.has_former_token_key:
            engine.say(MOVING)
            engine.edit_state(token_key.moved)
        return state.has_former_token_key
    if state.token_key and state.token_key.is_token_key:
        raise HubstackError(
            f"stack {stack.name}: the Hubstack in {stack.root} is older than the stack's state: it would not find the "
            "key of the tokens, and make all of them anew. Deploy those settings with this version (docs/tokens.md). "
            "Nothing was changed."
        )
    return False
