"""States as earlier versions wrote them, with the key of the tokens in a `RandomBytes`; what a state tells a reader.

Nothing here is taken from the product: these entries were copied from a state of that time.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Iterator
from typing import Any

SIGNATURE = "4dabf18193072939515e22adb298388d"
STASH, RANDOM_BYTES = "$pulumi:index:Stash::", "$random:index/randomBytes:RandomBytes::"
NOTES = {
    "obj": {"ps": {"keepers": {SIGNATURE: "1b47061264138c4ac30d75fd1eb44270", "plaintext": '{"replace":{"raw":null}}'}}}
}


def former(exported: dict[str, Any]) -> dict[str, Any]:
    """An export, with its secrets in the open, as an earlier version of the program would have left the state."""
    deployment = json.loads(json.dumps(exported["deployment"]).replace(STASH, RANDOM_BYTES))
    provider = next(each for each in deployment["resources"] if each["type"] == "pulumi:providers:random")
    resources = [provider]
    for each in deployment["resources"]:
        if each["type"] == "pulumi:index:Stash":
            resources.append(_random_bytes(each, f"{provider['urn']}::{provider['id']}"))
        elif each["type"] not in ("pulumi:providers:pulumi", "pulumi:providers:random"):
            resources.append(each)
    return {**exported, "deployment": {**deployment, "resources": resources}}


def _random_bytes(stash: dict[str, Any], provider: str) -> dict[str, Any]:
    secret = stash["outputs"]["output"]["key"]
    raw = bytes.fromhex(json.loads(secret["plaintext"]))
    encoded = base64.b64encode(raw).decode()
    kept = ("urn", "custom", "parent", "protect", "retainOnDelete", "created", "modified")
    return {
        **{name: stash[name] for name in kept if name in stash},
        "id": encoded,
        "type": "random:index/randomBytes:RandomBytes",
        "inputs": {"length": 32},
        "outputs": {
            "__pulumi_raw_state_delta": NOTES,
            "base64": {**secret, "plaintext": json.dumps(encoded)},
            "hex": secret,
            "length": 32,
        },
        "provider": provider,
        "propertyDependencies": {"length": []},
    }


def key_id(exported: dict[str, Any]) -> str:
    """The id of the key in such a state."""
    resources = exported["deployment"]["resources"]
    (found,) = (each["id"] for each in resources if each["type"] == "random:index/randomBytes:RandomBytes")
    return str(found)


def drawn(exported: dict[str, Any]) -> dict[str, Any]:
    """What the tokens of such a state are made from."""
    resources = exported["deployment"]["resources"]
    return {each["urn"]: each for each in resources if each["type"].startswith("random:")}


def readable(value: Any) -> Iterator[str]:
    """Every text of a state that nobody has encrypted: names, values, numbers."""
    if isinstance(value, dict):
        if SIGNATURE not in value:
            for key, member in value.items():
                yield from (key, *readable(member))
    elif isinstance(value, list):
        for member in value:
            yield from readable(member)
    elif value is not None:
        yield str(value)


def told(deployment: dict[str, Any], tokens: set[str]) -> set[str]:
    """The tokens that a reader of a state finds, or can compute by HMAC-SHA256 from what it finds."""
    whole = set(readable(deployment))
    texts = whole | {part for text in whole for part in re.split(r"[^\w+/=-]+", text)}
    keys = {form for text in texts for form in _forms(text)}
    ids = [each["outputs"] for each in deployment["resources"] if each["type"] == "random:index/randomId:RandomId"]
    messages = {form for outputs in ids for text in readable(outputs) for form in _forms(text)}
    computed = {hmac.digest(key, message, hashlib.sha256).hex() for key in keys for message in messages}
    return tokens & (computed | texts)


def _forms(text: str) -> Iterator[bytes]:
    """The bytes that a text may stand for."""
    yield text.encode()
    for decode in (bytes.fromhex, _base64, _base64_for_urls, _decimal):
        try:
            yield decode(text)
        except (ValueError, binascii.Error, OverflowError):
            continue


def _base64(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


def _base64_for_urls(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _decimal(text: str) -> bytes:
    return int(text).to_bytes(32)
