"""The key that all tokens of a JupyterHub are derived from: drawn once, and kept by the engine as a secret."""

import secrets

import pulumi
from pulumi.runtime.rpc import UNKNOWN

BYTES = 32
STASH = "pulumi:index:Stash"
"""The engine's own resource for a value that stays; its id is drawn apart from the value (Pulumi 3.208)."""
FORMER = "random:index/randomBytes:RandomBytes"
"""What held the key before: its id, which every state has in plain text, is the base64 of the key."""
REFUSAL = (
    "the state of stack {stack} was written by an earlier version of Hubstack: whoever reads it can tell the key of "
    "all tokens. `hubstack up --stack {stack}` moves the key, and no token changes; in a program of your own: "
    "`pulumi stack export | hubstack move-token-key | pulumi stack import`. Nothing was changed."
)
"""Why no second key is made, and what to do instead."""


IN_STASH = "key"
"""Its place in the Stash's value. As the whole value, `token_key` could not ignore it and see the former one, too."""


def token_key(name: str, *, rotation: str, keep: bool, parent: pulumi.Resource) -> pulumi.Stash:
    """Register the key; it is 32 bytes as hex, `IN_STASH` of the Stash's output.

    Every run of the program draws one, and the engine takes it only where it makes the Stash. A preview of that knows
    nothing yet, as of any value that is made.

    The alias lets the engine find a former key, which it would then update; the hook refuses that. Without them it
    would make a second key, and so all tokens anew.

    Arguments:
        name: logical name.
        rotation: another text than the last time makes another key.
        keep: whether the key is protected. While a rotation is asked for it cannot be: the engine refuses to replace
            what is protected.
        parent: the component that it belongs to.
    """
    drawn = UNKNOWN if pulumi.runtime.is_dry_run() else secrets.token_hex(BYTES)
    hook = pulumi.ResourceHook(f"former-key:{name}", _refuse_former, pulumi.ResourceHookOptions(on_dry_run=True))
    opts = pulumi.ResourceOptions(
        parent=parent,
        protect=keep and not rotation,
        retain_on_delete=keep,
        ignore_changes=[f"input.{IN_STASH}"],
        replacement_trigger=rotation,
        aliases=[pulumi.Alias(type_=FORMER)],
        hooks=pulumi.ResourceHookBinding(before_update=[hook]),
    )
    return pulumi.Stash(name, input={IN_STASH: pulumi.Output.secret(drawn)}, opts=opts)


def _refuse_former(args: pulumi.ResourceHookArgs) -> None:
    """Fail an update; a Stash whose input is ignored has none, so what is to be updated is a former key."""
    if "input" not in (args.old_inputs or {}):
        raise RuntimeError(REFUSAL.format(stack=pulumi.get_stack()))
