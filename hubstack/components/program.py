"""The program of a stack with settings ``hubstack:...``: from its configuration to a JupyterHub and its outputs."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pulumi

from hubstack import settings
from hubstack.chart.errors import SettingsError
from hubstack.components import existing, plain_secrets, reachability
from hubstack.components.arguments import ChartSourceArgs, JupyterHubArgs
from hubstack.components.jupyterhub import JupyterHub
from hubstack.components.kubernetes import Provider
from hubstack.components.storage_class import StorageClassArgs
from hubstack.components.tokens import TokensArgs

if TYPE_CHECKING:
    from hubstack.values import Values

NAME = "jupyterhub"
"""Logical name of the JupyterHub; part of the name of every resource, so it never changes."""


@dataclass(frozen=True)
class Program:
    """One run of the program."""

    config: settings.StackConfig
    args: JupyterHubArgs
    """What the JupyterHub is made from, checked."""

    @classmethod
    def load(cls) -> Program:
        """Read the stack's configuration and check everything that it names.

        Raises:
            pulumi.RunError: the settings are refused; the message lists everything. The engine prints it without a
                traceback, and nothing has been registered yet.
        """
        try:
            config = settings.load()
            args = jupyterhub_args(config)
            try:
                args.checked(NAME)
            except SettingsError:
                settings.resolve(config, Path.cwd())  # says the same in the words of the configuration
                raise
        except SettingsError as error:
            raise pulumi.RunError(str(error)) from None
        for name in settings.unencrypted():
            pulumi.log.warn(plain_secrets.unencrypted(name))
        return cls(config, args)

    def options(self) -> pulumi.ResourceOptions:
        """Options with which resources go to the stack's cluster, and are not created where something is already.

        Raises:
            pulumi.RunError: the cluster cannot be reached, or there are no credentials for it.
        """
        kubeconfig, context = settings.kubeconfig(self.config, Path.cwd()), self.config.kube_context
        reachability.check(kubeconfig, context)
        reachability.require_credentials(kubeconfig, context)
        identifier = self.config.cluster_identifier or context
        provider = Provider("cluster", kubeconfig=kubeconfig, context=context, cluster_identifier=identifier)
        return pulumi.ResourceOptions(provider=provider, transformations=[existing.guard(kubeconfig, context)])

    def export(self, jupyterhub: JupyterHub) -> None:
        """Name the stack's outputs, which commands and gates read."""
        pulumi.export("url", jupyterhub.url)
        pulumi.export("namespace", jupyterhub.namespace)
        pulumi.export("mode", self.config.mode)
        pulumi.export("chartVersion", self.config.chart.version)
        pulumi.export("hubImage", jupyterhub.hub_image)
        pulumi.export("secretToken", jupyterhub.secret_token)
        if mark := os.environ.get("HUBSTACK_ROLLOUT_MARK"):  # which rollout deployed what; none after an update by hand
            pulumi.export("rollout", json.loads(mark))


def jupyterhub_args(config: settings.StackConfig) -> JupyterHubArgs:
    """What a JupyterHub is made from, by a stack's configuration."""
    storage = config.storage_class
    return JupyterHubArgs(
        mode=config.mode,
        namespace=config.namespace,
        release_name=config.release_name,
        create_namespace=config.create_namespace,
        values_files=config.values_files,
        values=cast("Values", config.values),
        secret_values=cast("Values", config.secret_values),
        chart=ChartSourceArgs(**config.chart.model_dump()),
        storage_class=StorageClassArgs(**storage.model_dump()) if storage else None,
        tokens=TokensArgs(rotate=config.rotate_tokens, adopted=config.adopted_tokens.by_name()),
        protect=config.protect_data,
        kept_checksums=config.kept_checksums,
    )
