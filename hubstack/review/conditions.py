"""How to see in two revisions of a stack that an impact rule applies; each yields a detail for each time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hubstack.chart import hub
from hubstack.review.change import Change, Condition, at, entries, rows, section
from hubstack.review.rendering import Rendered
from hubstack.secret_settings import url_without_password


def when(condition: Callable[[Change], bool]) -> Condition:
    """Applies where a condition is true."""

    def applies(change: Change) -> Iterator[str]:
        if condition(change):
            yield ""

    return applies


def restart(component: str) -> Condition:
    """Applies where the pods of a Deployment are replaced."""

    return when(lambda change: change.action("Deployment", component) in ("restart", "replace"))


def moved(*paths: str) -> Condition:
    """Applies for each of these settings that differs, with both values."""

    def applies(change: Change) -> Iterator[str]:
        for path in paths:
            before, after = change.settings(path)
            if before != after:
                yield f"{path}: {_shown(before)} -> {_shown(after)}"

    return applies


def _shown(value: Any) -> str:
    return "unset" if value in (None, "", [], {}) else str(value)


def data_objects(change: Change) -> Iterator[str]:
    """Volumes and classes that are deleted or made anew."""

    for each in change.objects:
        kind = each.name.partition("/")[0]
        if kind in ("PersistentVolumeClaim", "StorageClass") and each.action in ("replace", "delete"):
            what = "the hub's database of users and servers" if change.component(each) == hub.COMPONENT else each.name
            made = "replaced" if kind == "StorageClass" else "replaced by a new, empty one"
            yield f"{what} is {made if each.action == 'replace' else 'deleted'}"
    if change.base.config.get("createNamespace") and not change.head.config.get("createNamespace"):
        yield "the namespace with everything in it leaves the stack, which is a deletion that `protectData` refuses"


def database(change: Change) -> Iterator[str]:
    """Type, address and folder of the hub's database."""

    before, after = change.settings("hub.db.type")
    if before != after:
        yield f"hub.db.type: {before} -> {after}"
    yield from moved("hub.db.pvc.subPath")(change)
    urls = [url_without_password(str(url or "")) for url in change.settings("hub.db.url")]
    if urls[0] != urls[1]:
        yield f"hub.db.url: {urls[0] or 'unset'} -> {urls[1] or 'unset'}"


def database_access(change: Change) -> Iterator[str]:
    """How the hub opens the same database as before."""
    moved_away = any(detail.startswith("hub.db.url") for detail in database(change))
    yield from rows("hub.db.upgrade", "hub.db.password", *(() if moved_away else ("hub.db.url",)))(change)


HOME_NAMES = (
    "singleuser.storage.type",
    "singleuser.storage.dynamic.pvcNameTemplate",
    "singleuser.storage.dynamic.subPath",
    "singleuser.storage.static.pvcName",
    "singleuser.storage.static.subPath",
    "hub.config.KubeSpawner.pvc_name_template",
    "hub.config.KubeSpawner.slug_scheme",
)


WITH_POLICY = ("hub", "proxy.chp", "proxy.traefik", "singleuser")
"""Sections of the chart that have a network policy."""


def policy_widened(change: Change) -> Iterator[str]:
    """What pods may reach, or be reached by, in addition."""
    for pods in WITH_POLICY:
        opened = _opened(change, pods)
        if "enabled" in opened:
            yield f"{pods}: no network policy any more"
        elif opened:
            yield f"{pods}: {', '.join(way.rpartition('.')[2] for way in opened)}"


def policy_otherwise(change: Change) -> Iterator[str]:
    """What else changes in what pods may reach, or be reached by."""
    told = [f"{pods}.networkPolicy.{way}" for pods in WITH_POLICY for way in _opened(change, pods)]
    yield from rows(*(f"{pods}.networkPolicy" for pods in WITH_POLICY), but=tuple(told))(change)


def _opened(change: Change, pods: str) -> list[str]:
    """Settings of a network policy that let more through than before."""
    before, after = change.settings(f"{pods}.networkPolicy")
    if not isinstance(before, Mapping) or not isinstance(after, Mapping):
        return []
    if before.get("enabled") and not after.get("enabled"):
        return ["enabled"]
    rules, wider = (section(side, "egressAllowRules") for side in (before, after))
    opened = [f"egressAllowRules.{key}" for key, on in wider.items() if on and not rules.get(key)]
    for way in ("ingress", "egress", "allowedIngressPorts"):
        if [rule for rule in entries(after, way) if rule not in entries(before, way)]:
            opened.append(way)
    labels = "interNamespaceAccessLabels"
    return [*opened, labels] if after.get(labels) == "accept" != before.get(labels) else opened


def dummy(change: Change) -> bool:
    """Whether anybody may log in who could not before."""

    def open_door(side: Rendered) -> bool:
        kind = at(side.values, "hub.config.JupyterHub.authenticator_class") or "dummy"
        public = at(side.values, "proxy.service.type") in (None, "LoadBalancer", "NodePort") or at(
            side.values, "ingress.enabled"
        )
        password = at(side.values, "hub.config.DummyAuthenticator.password")
        return str(kind).lower().startswith("dummy") and bool(public) and not password

    return open_door(change.head) and not open_door(change.base)


def tls_off(change: Change) -> bool:
    """Whether HTTPS is gone."""

    def tls(side: Rendered) -> bool:
        return bool(at(side.values, "proxy.https.enabled") or at(side.values, "ingress.tls"))

    return tls(change.base) and not tls(change.head)


SWITCHES = ("proxy.https.enabled", "proxy.https.type", "ingress.tls")
"""Settings by which HTTPS goes."""
CERTIFICATES = (
    "proxy.https.letsencrypt",
    "proxy.https.manual",
    "proxy.https.secret",
    "proxy.traefik.hsts",
)


def certificate(change: Change) -> Iterator[str]:
    """What browsers are shown of HTTPS, where it does not go altogether."""
    yield from rows(*CERTIFICATES, *(() if tls_off(change) else SWITCHES))(change)


def config(*names: str) -> Condition:
    """Applies for each of these keys of the stack's configuration that differs."""

    def applies(change: Change) -> Iterator[str]:
        for name in names:
            before, after = at(change.base.config, name), at(change.head.config, name)
            if before != after:
                yield f"{name}: {_shown(before)} -> {_shown(after)}"

    return applies


def place(side: Rendered) -> tuple[Any, str]:
    """The cluster and the namespace of a stack."""
    return side.config.get("clusterIdentifier") or side.config.get("kubeContext"), side.namespace


def cluster(change: Change) -> Iterator[str]:
    """A context under another name is the same cluster where the stack has a name of its own for it."""
    before, after = (place(side)[0] for side in (change.base, change.head))
    if before != after:
        yield f"{before} -> {after}"


def credentials(change: Change) -> Iterator[str]:
    """How the same cluster as before is reached and called."""
    names = () if any(cluster(change)) else ("hubstack:kubeContext", "hubstack:clusterIdentifier")
    yield from rows("hubstack:kubeconfig", *names)(change)


def namespace_made(change: Change) -> bool:
    """Whether the stack makes a namespace from now on that others have made until now."""
    before, after = (at(side.config, "createNamespace") for side in (change.base, change.head))
    return bool(after) and before is False


def chart(change: Change) -> Iterator[str]:
    """The chart's version, and that of its JupyterHub."""

    for detail in config("chart.version")(change):
        before, after = change.base.application, change.head.application
        yield f"{detail}{f', JupyterHub {before} -> {after}' if before != after else ''}"


TOKENS = {
    "proxy": "the token between hub and proxy: both restart",
    "cookie": "the cookie secret: everybody has to log in again",
    "crypt": "the key of saved logins: what the login provider gave is forgotten until people log in again",
    "key": "the key of all generated tokens: each of them is new, but for those in `hubstack:adoptedTokens`",
}
"""What a new one of the generated tokens means, by its name in ``rotateTokens``."""
TOKEN_SETTINGS = {
    "proxy": ("proxy.secretToken", "hub.config.ConfigurableHTTPProxy.auth_token"),
    "cookie": ("hub.cookieSecret", "hub.config.JupyterHub.cookie_secret"),
    "crypt": ("hub.config.CryptKeeper.keys",),
}


def token(change: Change) -> Iterator[str]:
    """Tokens that are renewed."""

    before, after = (section(side.config, "rotateTokens") for side in (change.base, change.head))
    renewed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    renewed |= {name for name, paths in TOKEN_SETTINGS.items() if change.differs(*paths)}
    services = set(section(change.base.values, "hub.services")) & set(section(change.head.values, "hub.services"))
    paths = {name: [f"hub.services.{name}.{key}" for key in ("apiToken", "api_token")] for name in services}
    renewed |= {f"service-{name}" for name in services if change.differs(*paths[name])}
    for name in sorted(renewed):
        service = name.removeprefix("service-")
        yield TOKENS.get(name, f"the token of service {service}: whoever uses the old one is refused")
