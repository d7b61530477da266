"""How to see in two revisions of a stack that an impact rule applies; each yields a detail for each time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hubstack.chart import hub
from hubstack.chart.values_tree import maps
from hubstack.review.changes import ObjectChange
from hubstack.review.rendering import Rendered
from hubstack.secret_settings import url_without_password


@dataclass(frozen=True)
class Change:
    """Both sides of one stack, and the objects that differ."""

    base: Rendered
    head: Rendered
    objects: tuple[ObjectChange, ...]

    def settings(self, path: str) -> tuple[Any, Any]:
        """A setting on both sides; None where it is not set."""
        return at(self.base.values, path), at(self.head.values, path)

    def differs(self, *paths: str) -> bool:
        """Whether any of these settings differs."""
        return any(before != after for before, after in map(self.settings, paths))

    def action(self, kind: str, component: str) -> str | None:
        """What happens to the object of a kind with a component label."""
        of_kind = (each for each in self.objects if each.name.startswith(f"{kind}/"))
        return next((each.action for each in of_kind if self.component(each) == component), None)

    def component(self, changed: ObjectChange) -> str | None:
        """The label that tells which part of the hub an object is of, however objects are named."""
        manifest = self.head.objects.get(changed.name) or self.base.objects.get(changed.name) or {}
        label: str | None = manifest.get("metadata", {}).get("labels", {}).get("component")
        return label


def at(tree: Any, path: str) -> Any:
    """The value at a dotted path; None where there is none."""
    for step in path.split("."):
        if not isinstance(tree, Mapping):
            return None
        tree = tree.get(step)
    return tree


def section(tree: Any, path: str) -> Mapping[str, Any]:
    """The map at a dotted path; an empty one where there is none, as with a chart whose settings nobody has checked."""
    found = at(tree, path)
    return found if isinstance(found, Mapping) else {}


def entries(tree: Any, path: str) -> list[Any]:
    """The list at a dotted path; an empty one where there is none."""
    found = at(tree, path)
    return found if isinstance(found, list) else []


def when(condition: Callable[[Change], bool]) -> Callable[[Change], Iterator[str]]:
    """Applies where a condition is true."""

    def applies(change: Change) -> Iterator[str]:
        if condition(change):
            yield ""

    return applies


def restart(component: str) -> Callable[[Change], Iterator[str]]:
    """Applies where the pods of a Deployment are replaced."""

    return when(lambda change: change.action("Deployment", component) in ("restart", "replace"))


def moved(*paths: str) -> Callable[[Change], Iterator[str]]:
    """Applies for each of these settings that differs, with both values."""

    def applies(change: Change) -> Iterator[str]:
        for path in paths:
            before, after = change.settings(path)
            if before != after:
                yield f"{path}: {_shown(before)} -> {_shown(after)}"

    return applies


def _shown(value: Any) -> str:
    return "unset" if value in (None, "", [], {}) else str(value)


def public_address(change: Change) -> Iterator[str]:
    """How people reach the hub."""

    yield from moved(
        "proxy.service.type",
        "proxy.service.loadBalancerIP",
        "proxy.service.disableHttpPort",
        "proxy.https.hosts",
        "ingress.enabled",
        "ingress.hosts",
        "httpRoute.enabled",
        "httpRoute.hostnames",
        "hub.baseUrl",
    )(change)


def data_objects(change: Change) -> Iterator[str]:
    """Volumes and classes that are deleted or made anew."""

    for each in change.objects:
        kind = each.name.partition("/")[0]
        if kind in ("PersistentVolumeClaim", "StorageClass") and each.action in ("replace", "delete"):
            what = "the hub's database of users and servers" if change.component(each) == hub.COMPONENT else each.name
            made = "replaced" if kind == "StorageClass" else "replaced by a new, empty one"
            yield f"{what} is {made if each.action == 'replace' else 'deleted'}"


def database(change: Change) -> Iterator[str]:
    """Type and address of the hub's database."""

    before, after = change.settings("hub.db.type")
    if before != after:
        yield f"hub.db.type: {before} -> {after}"
    urls = [url_without_password(str(url or "")) for url in change.settings("hub.db.url")]
    if urls[0] != urls[1]:
        yield f"hub.db.url: {urls[0] or 'unset'} -> {urls[1] or 'unset'}"


HOME_NAMES = (
    "singleuser.storage.type",
    "singleuser.storage.dynamic.pvcNameTemplate",
    "singleuser.storage.dynamic.subPath",
    "singleuser.storage.static.pvcName",
    "singleuser.storage.static.subPath",
    "hub.config.KubeSpawner.pvc_name_template",
    "hub.config.KubeSpawner.slug_scheme",
)


def _profiles(tree: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    profiles = maps(at(tree, "singleuser.profileList"))
    return {str(each.get("slug") or each.get("display_name")): each for each in profiles}


def profile_removed(change: Change) -> Iterator[str]:
    """Profiles that people can no longer choose."""

    before, after = _profiles(change.base.values), _profiles(change.head.values)
    if after:
        yield from (name for name in before if name not in after)


def no_profiles_left(change: Change) -> Iterator[str]:
    """Profiles that are all gone, as where a later file replaces their list by an empty one."""

    if not _profiles(change.head.values):
        names = ", ".join(_profiles(change.base.values))
        yield from [names] * bool(names)


def images(change: Change) -> Iterator[str]:
    """Images of users' servers, by default and by profile."""

    names = [
        f"{at(side.values, 'singleuser.image.name')}:{at(side.values, 'singleuser.image.tag')}"
        for side in (change.base, change.head)
    ]
    moves = [f"{names[0]} -> {names[1]}"] if names[0] != names[1] else []
    before, after = _profiles(change.base.values), _profiles(change.head.values)
    for name in sorted(before.keys() & after.keys()):
        images = [at(side[name], "kubespawner_override.image") or "the default" for side in (before, after)]
        if images[0] != images[1]:
            moves.append(f"profile {name}: {images[0]} -> {images[1]}")
    pulled = at(change.head.values, "prePuller.hook.enabled")
    when = "pulled to every node first" if pulled else "not pulled first: the first start on each node waits for it"
    yield from (f"{move}, {when}" for move in moves)


RESOURCES = tuple(f"singleuser.{kind}.{side}" for kind in ("cpu", "memory") for side in ("limit", "guarantee"))


def resources(change: Change) -> Iterator[str]:
    """Resources of users' servers, by default and by profile."""

    yield from moved(*RESOURCES, "singleuser.extraResource.limits", "singleuser.extraResource.guarantees")(change)
    before, after = _profiles(change.base.values), _profiles(change.head.values)
    for name in sorted(before.keys() & after.keys()):
        for field in ("mem_limit", "mem_guarantee", "cpu_limit", "cpu_guarantee", "extra_resource_limits"):
            old, new = (at(side[name], f"kubespawner_override.{field}") for side in (before, after))
            if old != new:
                yield f"profile {name}, {field}: {_shown(old)} -> {_shown(new)}"


def authenticator(change: Change) -> Iterator[str]:
    """How people log in, and what they are called then."""

    yield from moved("hub.config.JupyterHub.authenticator_class")(change)
    sides = (change.base.values, change.head.values)
    for name in sorted(set.intersection(*(set(section(side, "hub.config")) for side in sides))):
        yield from moved(*(f"hub.config.{name}.{key}" for key in ("username_claim", "username_map")))(change)


def policy_widened(change: Change) -> Iterator[str]:
    """What pods may reach, or be reached by, in addition."""

    for pods in ("hub", "proxy.chp", "proxy.traefik", "singleuser"):
        before, after = change.settings(f"{pods}.networkPolicy")
        if not isinstance(before, Mapping) or not isinstance(after, Mapping):
            continue
        if before.get("enabled") and not after.get("enabled"):
            yield f"{pods}: no network policy any more"
            continue
        rules = section(before, "egressAllowRules")
        opened = [key for key, on in section(after, "egressAllowRules").items() if on and not rules.get(key)]
        for way in ("ingress", "egress", "allowedIngressPorts"):
            if [rule for rule in entries(after, way) if rule not in entries(before, way)]:
                opened.append(way)
        if opened:
            yield f"{pods}: {', '.join(opened)}"


def admins(change: Change) -> Iterator[str]:
    """Users who become administrators."""

    for name in sorted(section(change.head.values, "hub.config")):
        before, after = (entries(side.values, f"hub.config.{name}.admin_users") for side in (change.base, change.head))
        added = [str(user) for user in after if user not in before]
        if added:
            yield f"{', '.join(added)} may do everything, in everybody's server"


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


def config(*names: str) -> Callable[[Change], Iterator[str]]:
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
