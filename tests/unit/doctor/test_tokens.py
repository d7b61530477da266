"""Does the running hub have the stack's tokens?"""

from __future__ import annotations

import base64
from typing import Any

import pytest

from hubstack.components.tokens import derive
from hubstack.doctor import checks_tokens
from hubstack.doctor.checks_tokens import COOKIE, CRYPT, PROXY
from hubstack.doctor.state import EngineState
from hubstack.engine.state import State
from tests.unit.doctor.fake import CORE, subject, texts

KEY = "ab" * 32
IDENTITIES = {"proxy": "01" * 32, "cookie": "02" * 32, "crypt": "03" * 32, "service-cull": "04" * 32}
URN = "urn:pulumi:dev::hubstack::hubstack:index:JupyterHub$hubstack:index:Tokens$"
STASH, RANDOM_BYTES, RANDOM_ID = (
    "pulumi:index:Stash",
    "random:index/randomBytes:RandomBytes",
    "random:index/randomId:RandomId",
)
VALUES = {"hub": {"services": {"cull": {"admin": True}}}}
SERVICE = "hub.services.cull.apiToken"


def engine(kind: str = STASH) -> EngineState:
    """A state as the engine exports it, with its secrets shown."""
    shown = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "plaintext": f'"{KEY}"'}
    key = {"urn": f"{URN}{kind}::jupyterhub-tokens-key", "type": kind}
    resources: list[dict[str, Any]] = [
        {**key, "outputs": {"output": {"key": shown}} if kind == STASH else {"hex": shown}}
    ]
    for name, text in IDENTITIES.items():
        urn = f"{URN}{RANDOM_ID}::jupyterhub-tokens-{name}"
        resources.append({"urn": urn, "type": RANDOM_ID, "outputs": {"hex": text}})
    return EngineState(State.read({"resources": resources}))


def live(**other: str) -> dict[str, Any]:
    """The hub's Secret with the state's tokens, some of them replaced; a blank one is missing."""
    names = {PROXY: "proxy", COOKIE: "cookie", CRYPT: "crypt", SERVICE: "service-cull"}
    data = {key: derive(KEY, IDENTITIES[name]) for key, name in names.items()} | other
    return {
        f"{CORE}/secrets/hub": {"data": {key: base64.b64encode(v.encode()).decode() for key, v in data.items() if v}}
    }


def said(objects: dict[str, Any], state: EngineState, values: Any = VALUES, **config: Any) -> list[tuple[str, str]]:
    """What the check says."""
    return texts(list(checks_tokens.tokens(subject(values, objects=objects, engine=state, **config))))


def test_equal_tokens_are_silence() -> None:
    """Those of the state, and those that the settings set; before the first update there is nothing to compare."""
    assert said(live(), engine()) == []
    assert said({}, EngineState()) == []
    own = {"hub": {"cookieSecret": "c" * 64, "services": {"cull": {"apiToken": "t"}}}, "proxy": {"secretToken": "p"}}
    assert said(live(**{COOKIE: "c" * 64, PROXY: "p", SERVICE: "t"}), engine(), own) == []


@pytest.mark.parametrize(
    ("key", "severity"), [(PROXY, "warning"), (COOKIE, "warning"), (CRYPT, "error"), (SERVICE, "warning")]
)
def test_another_or_a_missing_token_is_named_and_never_shown(key: str, severity: str) -> None:
    """Lost encrypted data is an error, a log-out a warning; no digit of either value is in the finding."""
    wrong = "5ec7e7" * 10
    assert said(live(**{key: wrong}), engine()) == [
        (severity, f"Secret hub: {key} is not the one of the stack's state and settings")
    ]
    assert said(live(**{key: ""}), engine()) == [
        (severity, f"Secret hub: {key} is missing; it is in the stack's state and settings")
    ]
    findings = str(list(checks_tokens.tokens(subject(VALUES, objects=live(**{key: wrong}), engine=engine()))))
    assert [
        each for each in (wrong, KEY, *(derive(KEY, text) for text in IDENTITIES.values())) if each in findings
    ] == []


def test_a_key_that_the_state_tells_is_a_warning() -> None:
    """A state of an earlier version: its tokens are compared as ever, and the way on is named."""
    former = engine(RANDOM_BYTES)
    told = ("warning", "the stack's state tells the key of all tokens: it is the id of a resource, in plain text")
    assert said(live(), former) == [told]
    assert said(live(**{PROXY: "5ec7e7" * 10}), former) == [
        told,
        ("warning", f"Secret hub: {PROXY} is not the one of the stack's state and settings"),
    ]
    assert said({}, former)[0] == told
    (first, *_) = checks_tokens.tokens(subject(VALUES, objects=live(), engine=former))
    assert "`hubstack up`, which moves the key and changes no token" in str(first)


def test_a_hub_of_somebody_else_is_an_error() -> None:
    """A state without the live hub's tokens would replace all of them."""
    ((severity, what),) = said(live(), EngineState())
    assert severity == "error"
    assert what.startswith("a hub runs in namespace jhub, and this stack's state does not have its tokens")


def test_a_deployed_hub_without_its_secret_is_a_warning() -> None:
    """The state says that there should be one."""
    assert [severity for severity, _ in said({}, engine())] == ["warning"]


def test_what_cannot_be_compared_is_a_note() -> None:
    """Without the passphrase neither the state nor encrypted settings are known."""
    assert [severity for severity, _ in said(live(), EngineState(problem="incorrect passphrase"))] == ["note"]
    secret = {"proxy": {"secretToken": {"secure": "v1:abc"}}}
    assert said(live(), engine(), secretValues=secret) == [("note", f"encrypted settings cannot be read here: {PROXY}")]
