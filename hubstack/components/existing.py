"""What the cluster has already is never taken over by accident.

The Kubernetes provider creates objects by server-side apply. Whether it refuses where there is one already differs from
version to version: 4.32 refuses, 4.25 merges into it. So the program looks itself, and only where the engine is about
to create something. A stack whose state is lost would create everything anew.
"""

from __future__ import annotations

import asyncio
import functools
import json
import os
from collections.abc import Mapping
from typing import Any

import pulumi

from hubstack.components import api_server

UPSERT = "PULUMI_K8S_UPSERT_EXISTING_OBJECTS"
"""The provider's variable that lets it take over what is there; whoever sets it is not refused here either."""
ADVICE = (
    ": in the cluster already, and unknown to the state of stack {stack}. If an update was killed: hubstack up "
    "--stack {stack} goes on with it. If the state was lost: hubstack recover --stack {stack}. If Helm deployed this "
    "hub: hubstack adopt, with a stack name of its own. If it is none of ours: choose another hubstack:namespace. "
    "Nothing that was there changed."
)
"""What to do about such objects, after their names."""
_PREFIX = "kubernetes:"
RELEASE = "kubernetes:helm.sh/v3:Release"


def guard(kubeconfig: str, context: str) -> pulumi.ResourceTransformation:
    """A transformation that lets the creation of an object fail where the cluster has it already, in previews too.

    Arguments:
        kubeconfig: path of the kubeconfig.
        context: the kubeconfig's context.
    """
    if os.environ.get(UPSERT) == "true":
        return lambda _: None
    client = functools.cache(lambda: api_server.client(kubeconfig, context))

    async def refuse(args: pulumi.ResourceHookArgs) -> None:
        inputs = args.new_inputs or {}
        if await asyncio.to_thread(lambda: exists(client(), args.type, inputs)):
            raise RuntimeError(f"{kind_and_name(args.type, inputs)}{ADVICE.format(stack=pulumi.get_stack())}")

    hook = pulumi.ResourceHook("hubstack:refuse-existing", refuse, pulumi.ResourceHookOptions(on_dry_run=True))
    binding = pulumi.ResourceHookBinding(before_create=[hook])

    def transform(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        if not args.type_.startswith(_PREFIX):
            return None
        opts = pulumi.ResourceOptions.merge(args.opts, pulumi.ResourceOptions(hooks=binding))
        return pulumi.ResourceTransformationResult(args.props, opts)

    return transform


def kind_and_name(token: str, inputs: Mapping[str, Any]) -> str:
    """Kind and name of an object, as errors name it.

    Arguments:
        token: the engine's type of it.
        inputs: its fields, as for `exists`.
    """
    if token == RELEASE:
        return f'Helm release "{inputs["name"]}"'
    return f'{token.rpartition(":")[2]} "{inputs["metadata"]["name"]}"'


def exists(client: Any, token: str, inputs: Mapping[str, Any]) -> bool:
    """Whether the cluster has an object. Where it does not say so, the provider will hear why.

    Arguments:
        client: an ApiClient of the official package.
        token: the engine's type of the object, such as ``kubernetes:apps/v1:Deployment``.
        inputs: its fields; of a manifest ``metadata`` counts, of a Helm release ``namespace`` and ``name``.
    """
    if token == RELEASE:
        path = f"/api/v1/namespaces/{inputs['namespace']}/secrets"
        query = {"labelSelector": f"owner=helm,name={inputs['name']}", "limit": "1"}
        status, body = api_server.get(client, path, query)
        return status == 200 and bool(json.loads(body)["items"])
    version, _, kind = token.removeprefix(_PREFIX).rpartition(":")
    metadata = inputs["metadata"]
    path = api_server.path(version.removeprefix("core/"), kind, metadata.get("namespace") or "", metadata["name"])
    return api_server.get(client, path)[0] == 200
