"""Every object name of the chart, once (chart: ``_helpers-names.tpl``).

Namespaced names start with the full name and a dash, or with nothing where the full name is blank (the default).
Cluster-wide names must be unique in the cluster, so there a blank full name is replaced by the release name.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from hubstack.chart.values import ChartValues
from hubstack.chart.values.shared import ServiceAccount


@dataclass(frozen=True)
class Names:
    """Names of one release's objects."""

    values: ChartValues
    release_name: str
    chart_name: str

    @cached_property
    def fullname(self) -> str:
        """``fullnameOverride`` where it is a string, also a blank one; else made of release and chart name."""
        if self.values.fullname_override is not None:
            return self.values.fullname_override
        name = self.values.name_override or self.chart_name
        return self.release_name if name in self.release_name else f"{self.release_name}-{name}"

    @cached_property
    def prefix(self) -> str:
        """What namespaced names start with."""
        return f"{self.fullname}-" if self.fullname else ""

    @property
    def hub(self) -> str:
        return f"{self.prefix}hub"

    @property
    def hub_service_account(self) -> str:
        return _account(self.values.hub.service_account, self.hub)

    @property
    def hub_existing_secret(self) -> str:
        """Blank where the users bring no Secret of their own."""
        return self.values.hub.existing_secret or ""

    @property
    def hub_pvc(self) -> str:
        return f"{self.hub}-db-dir"

    @property
    def proxy(self) -> str:
        return f"{self.prefix}proxy"

    @property
    def proxy_api(self) -> str:
        return f"{self.proxy}-api"

    @property
    def proxy_http(self) -> str:
        return f"{self.proxy}-http"

    @property
    def proxy_public(self) -> str:
        return f"{self.proxy}-public"

    @property
    def proxy_public_tls(self) -> str:
        """The Secret that autohttps writes at run time; never an object of ours."""
        return f"{self.proxy_public}-tls-acme"

    @property
    def proxy_public_manual_tls(self) -> str:
        return f"{self.proxy_public}-manual-tls"

    @property
    def autohttps(self) -> str:
        return f"{self.prefix}autohttps"

    @property
    def autohttps_service_account(self) -> str:
        return _account(self.values.proxy.traefik.service_account, self.autohttps)

    @property
    def user_scheduler_deploy(self) -> str:
        return f"{self.prefix}user-scheduler"

    @property
    def user_scheduler_service_account(self) -> str:
        return _account(self.values.scheduling.user_scheduler.service_account, self.user_scheduler_deploy)

    @property
    def user_scheduler_lock(self) -> str:
        return f"{self.user_scheduler_deploy}-lock"

    @property
    def user_placeholder(self) -> str:
        return f"{self.prefix}user-placeholder"

    @property
    def hook_image_awaiter(self) -> str:
        return f"{self.prefix}hook-image-awaiter"

    @property
    def hook_image_awaiter_service_account(self) -> str:
        return _account(self.values.pre_puller.hook.service_account, self.hook_image_awaiter)

    @property
    def hook_image_puller(self) -> str:
        return f"{self.prefix}hook-image-puller"

    @property
    def hook_image_puller_service_account(self) -> str:
        """The chart ignores ``create`` here: the pods use the name in any case."""
        return self.values.pre_puller.hook.service_account_image_puller.name or self.hook_image_puller

    @property
    def continuous_image_puller(self) -> str:
        return f"{self.prefix}continuous-image-puller"

    @property
    def continuous_image_puller_service_account(self) -> str:
        """The chart ignores ``create`` here, and the ServiceAccount object ignores this name."""
        return self.values.pre_puller.continuous.service_account.name or self.continuous_image_puller

    @property
    def singleuser(self) -> str:
        return f"{self.prefix}singleuser"

    @property
    def image_pull_secret(self) -> str:
        return f"{self.prefix}image-pull-secret"

    @property
    def ingress(self) -> str:
        return self.fullname or "jupyterhub"

    @property
    def http_route(self) -> str:
        return self.fullname or "jupyterhub"

    @property
    def priority(self) -> str:
        return self.fullname or f"{self.release_name}-default-priority"

    @property
    def user_placeholder_priority(self) -> str:
        return self.user_placeholder if self.fullname else f"{self.release_name}-user-placeholder-priority"

    @property
    def image_puller_priority(self) -> str:
        return f"{self.prefix}image-puller" if self.fullname else f"{self.release_name}-image-puller-priority"

    @property
    def user_scheduler(self) -> str:
        """The name under which the scheduler registers; also its ClusterRole's."""
        return self.user_scheduler_deploy if self.fullname else f"{self.release_name}-user-scheduler"

    def service_accounts(self) -> dict[str, str]:
        """The service account of each part's pods."""
        return {
            "hub": self.hub_service_account,
            "autohttps": self.autohttps_service_account,
            "userScheduler": self.user_scheduler_service_account,
            "hookImageAwaiter": self.hook_image_awaiter_service_account,
            "hookImagePuller": self.hook_image_puller_service_account,
            "continuousImagePuller": self.continuous_image_puller_service_account,
        }

    def for_hub(self) -> dict[str, str]:
        """The names that the hub reads from its ConfigMap (chart: ``jupyterhub.name-templates``; no HTTPRoute
        there).
        """
        return {
            "fullname": self.fullname,
            "fullname-dash": self.prefix,
            "hub": self.hub,
            "hub-serviceaccount": self.hub_service_account,
            "hub-existing-secret": self.hub_existing_secret,
            "hub-existing-secret-or-default": self.hub_existing_secret or self.hub,
            "hub-pvc": self.hub_pvc,
            "proxy": self.proxy,
            "proxy-api": self.proxy_api,
            "proxy-http": self.proxy_http,
            "proxy-public": self.proxy_public,
            "proxy-public-tls": self.proxy_public_tls,
            "proxy-public-manual-tls": self.proxy_public_manual_tls,
            "autohttps": self.autohttps,
            "autohttps-serviceaccount": self.autohttps_service_account,
            "user-scheduler-deploy": self.user_scheduler_deploy,
            "user-scheduler-serviceaccount": self.user_scheduler_service_account,
            "user-scheduler-lock": self.user_scheduler_lock,
            "user-placeholder": self.user_placeholder,
            "image-puller-priority": self.image_puller_priority,
            "hook-image-awaiter": self.hook_image_awaiter,
            "hook-image-awaiter-serviceaccount": self.hook_image_awaiter_service_account,
            "hook-image-puller": self.hook_image_puller,
            "hook-image-puller-serviceaccount": self.hook_image_puller_service_account,
            "continuous-image-puller": self.continuous_image_puller,
            "continuous-image-puller-serviceaccount": self.continuous_image_puller_service_account,
            "singleuser": self.singleuser,
            "image-pull-secret": self.image_pull_secret,
            "ingress": self.ingress,
            "priority": self.priority,
            "user-placeholder-priority": self.user_placeholder_priority,
            "user-scheduler": self.user_scheduler,
        }


def _account(service_account: ServiceAccount, default: str) -> str:
    """The ServiceAccount that a pod uses: the given name, else the created one, else the namespace's default one."""
    if service_account.create:
        return service_account.name or default
    return service_account.name or "default"
