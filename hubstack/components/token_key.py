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
    "the state of stack {stack} still has the key of all tokens in a RandomBytes, whose id tells the key to everybody "
    "who reads the state. `hubstack up --stack {stack}` moves it, and no token changes; for a program of your own: "
    "docs/tokens.md. Nothing was changed."
)
"""Why no second key is made, and what to do instead."""


def token_key(name: str, *, rotation: str, keep: bool, parent: pulumi.Resource) -> pulumi.Stash:
    """Register the key; it is 32 bytes as hex, the Stash's output.

    Every run of the program draws one, and the engine takes it only where it makes the Stash. A preview of that knows
    nothing yet, as of any value that is made.

    Arguments:
        name: logical name.
        rotation: another text than the last time makes another key.
        keep: whether the key is protected. While a rotation is asked for it cannot be: the engine refuses to replace
            what is protected.
        parent: the component that it belongs to.
    """
    drawn = UNKNOWN if pulumi.runtime.is_dry_run() else secrets.token_hex(BYTES)
    hook = pulumi.ResourceHook(
        f"hubstack:one-key:{name}", _refuse_a_second_key, pulumi.ResourceHookOptions(on_dry_run=True)
    )
    opts = pulumi.ResourceOptions(
        parent=parent,
        protect=keep and not rotation,
        retain_on_delete=keep,
        ignore_changes=["input"],
        replacement_trigger=rotation,
        hooks=pulumi.ResourceHookBinding(before_create=[hook]),
    )
    return pulumi.Stash(name, input=pulumi.Output.secret(drawn), opts=opts)


async def _refuse_a_second_key(args: pulumi.ResourceHookArgs) -> None:
    """Fail the creation of a key where the stack has one from an earlier version: all tokens would be made anew.

    The state is asked, not the cluster, so that it holds in every program, and costs nothing once the key is there.
    """
    organization, stack = pulumi.get_organization(), pulumi.get_stack()
    # "organization" is what a backend without organizations says; its stacks are known by their name alone.
    path = stack if organization == "organization" else f"{organization}/{pulumi.get_project()}/{stack}"
    found = await pulumi.runtime.invoke_async("pulumi:pulumi:readStackResourceOutputs", {"stackName": path})
    if args.urn.replace(f"${STASH}::", f"${FORMER}::") in found["outputs"]:
        raise RuntimeError(REFUSAL.format(stack=stack))
