"""The program: what the engine runs for one stack."""

from __future__ import annotations

import json
import os

import pulumi

from hubstack import settings
from hubstack.components import existing, reachability
from hubstack.components.jupyterhub import JupyterHub, JupyterHubArgs
from hubstack.components.kubernetes import Provider


def deploy() -> None:
    """Load the settings, name the cluster, deploy one JupyterHub, export what people need.

    Raises:
        SettingsError: the settings are refused; lists everything.
    """
    stack = settings.load()
    config = stack.config
    reachability.check(stack.kubeconfig, config.kube_context)

    cluster = Provider(
        "cluster",
        kubeconfig=stack.kubeconfig,
        context=config.kube_context,
        cluster_identifier=config.cluster_identifier or config.kube_context,
    )
    guard = existing.guard(stack.kubeconfig, config.kube_context)
    opts = pulumi.ResourceOptions(provider=cluster, transformations=[guard])
    jupyterhub = JupyterHub("jupyterhub", JupyterHubArgs(stack=stack), opts)

    pulumi.export("url", jupyterhub.url)
    pulumi.export("namespace", config.namespace)
    pulumi.export("mode", config.mode)
    pulumi.export("chartVersion", config.chart.version)
    pulumi.export("hubImage", jupyterhub.hub_image)
    pulumi.export("secretToken", jupyterhub.secret_token)
    if mark := os.environ.get("HUBSTACK_ROLLOUT_MARK"):  # which rollout deployed what; an update by hand leaves none
        pulumi.export("rollout", json.loads(mark))
