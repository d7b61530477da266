"""`hubstack recover`: go on with a hub whose stack's state is lost; its settings are still in the stack's file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console

from hubstack import project
from hubstack.chart.merge import merge_files
from hubstack.components.tokens import KEY
from hubstack.configuration import keyed
from hubstack.engine.stack import EngineStack
from hubstack.errors import HubstackError
from hubstack.migration import access, helm_storage, live, stack_file


@dataclass(frozen=True)
class Recovery:
    """What was found and written."""

    stack: str
    mode: str
    tokens: list[str]
    """Names of the tokens that the hub goes on with."""
    file: str
    """The stack's file, which has them now, encrypted."""

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON types."""
        return asdict(self)


def recover(engine: EngineStack) -> Recovery:
    """Write the live hub's tokens into the stack's file, and that its objects are to be taken over.

    A new state would draw new tokens, and end every session with them. Nothing is changed on the cluster.

    Arguments:
        engine: the engine on the stack as its file describes it.

    Raises:
        HubstackError: the state is not lost, there is no hub, or a setting asks for a new token.
    """
    stack = engine.stack
    if engine.outputs().get("mode"):
        raise HubstackError(
            f"stack {stack.name}: its state knows its hub, so nothing is lost; `hubstack doctor --stack {stack.name}` "
            "looks for what else is wrong. Nothing was changed."
        )
    resolved = live.resolve(engine.entries(), stack.root)
    # A new key is no matter: the live tokens go on as adopted ones, which are not derived from it.
    rotated = sorted(name for name, text in resolved.config.rotate_tokens.items() if text and name != KEY)
    if rotated:
        raise HubstackError(
            f"hubstack:rotateTokens: {', '.join(rotated)}: would be made anew by a new state; take the setting out of "
            f"Pulumi.{stack.base}.yaml, and the live token goes on. Nothing was changed."
        )
    client = access.of(stack)
    found = live.tokens(client, stack.namespace, resolved.names)
    if not found:
        raise HubstackError(
            f"stack {stack.name}: namespace {stack.namespace} has no hub to go on with; "
            f"`hubstack up --stack {stack.name}` makes a new one. Nothing was changed."
        )
    tokens = live.missing_tokens(found, resolved.loaded.tree)
    values: dict[str, Any] = {}
    adopted = tokens
    if stack.mode == "helm":
        released = helm_storage.deployed(client, stack.namespace, resolved.release_name).values
        values, adopted = _as_values(tokens, released)
    file = project.ROOT / f"Pulumi.{stack.base}.yaml"
    added = stack_file.encrypted(engine, {"secretValues": values, "adoptedTokens": adopted})
    stack_file.put(file, {**added, **keyed({"takeOver": resolved.release_name})})
    return Recovery(stack.name, stack.mode, live.token_names(tokens), file.name)


def show(result: Recovery, console: Console) -> None:
    """Print what was written, and what comes next."""
    console.print(f"tokens that go on: {', '.join(result.tokens) or 'those of the settings'}")
    console.print(
        f"{result.file} has them, encrypted, and says that the objects are taken over. Nothing was changed on the "
        f"cluster.\nNext: hubstack up --stack {result.stack}; then commit {result.file}",
        soft_wrap=True,
    )


def _as_values(tokens: Mapping[str, Any], released: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Part tokens into those that the live release was given as values, as values, and all others.

    In the first place they must stay: the hub's Secret holds the values, and a hub restarts with it.
    """
    hub, proxy = dict(released.get("hub") or {}), released.get("proxy") or {}
    was_a_value = {
        "proxy": proxy.get("secretToken") == tokens.get("proxy"),
        "cookie": hub.get("cookieSecret") == tokens.get("cookie"),
        "crypt": ((hub.get("config") or {}).get("CryptKeeper") or {}).get("keys") == [tokens.get("crypt")],
    }
    places: dict[str, Callable[[Any], dict[str, Any]]] = {
        "proxy": lambda token: {"proxy": {"secretToken": token}},
        "cookie": lambda token: {"hub": {"cookieSecret": token}},
        "crypt": lambda token: {"hub": {"config": {"CryptKeeper": {"keys": [token]}}}},
    }
    values: dict[str, Any] = {}
    rest = dict(tokens)
    for name, place in places.items():
        if name in tokens and was_a_value[name]:
            values = merge_files((values, place(rest.pop(name))))
    services = dict(rest.pop("services", {}))
    for name in list(services):
        if ((hub.get("services") or {}).get(name) or {}).get("apiToken") == services[name]:
            values = merge_files((values, {"hub": {"services": {name: {"apiToken": services.pop(name)}}}}))
    return values, {**rest, "services": services} if services else rest
