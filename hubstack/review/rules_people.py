"""Impact rules about who works on the hub now, or wants to log in."""

from __future__ import annotations

from hubstack.review import access, culling
from hubstack.review import conditions as see
from hubstack.review.change import rows
from hubstack.review.rule import FOR_GOOD, LOGIN, START, Rule

ADDRESS = (
    "proxy.service.type",
    "proxy.service.nodePorts",
    "proxy.service.externalIPs",
    "proxy.service.loadBalancerIP",
    "proxy.service.disableHttpPort",
    "proxy.service.extraPorts",
    "proxy.service.ipFamil*",
    "proxy.https.hosts",
    "ingress.enabled",
    "ingress.hosts",
    "ingress.ingressClassName",
    "ingress.path*",
    "ingress.extraPaths",
    "httpRoute.enabled",
    "httpRoute.hostnames",
    "httpRoute.gateway",
    "hub.baseUrl",
    "hub.config.JupyterHub.base_url",
    "hub.config.JupyterHub.bind_url",
    "hub.config.JupyterHub.subdomain_host",
    "hub.config.JupyterHub.public_url",
)
NAMES = (*access.NAMES, "hub.config.JupyterHub.authenticator_class")
LIMITS = tuple(
    f"{place}{name}"
    for place, names in (
        ("hub.", ("concurrentSpawnLimit", "activeServerLimit")),
        ("hub.config.JupyterHub.", ("concurrent_spawn_limit", "active_server_limit")),
    )
    for name in names
)
NAMED_SERVERS = tuple(
    f"{place}{name}"
    for place, names in (
        ("hub.", ("allowNamedServers", "namedServerLimitPerUser")),
        ("hub.config.JupyterHub.", ("allow_named_servers", "named_server_limit_per_user")),
    )
    for name in names
)
PAGES = (
    "hub.templatePaths",
    "hub.templateVars",
    "hub.redirectToServer",
    "hub.config.JupyterHub.template_paths",
    "hub.config.JupyterHub.template_vars",
    "hub.config.JupyterHub.redirect_to_server",
    "hub.config.JupyterHub.logo_file",
    "hub.config.JupyterHub.default_url",
)
LOGOUT = ("hub.shutdownOnLogout", "hub.config.JupyterHub.shutdown_on_logout")

RULES = (
    Rule(
        "namespace",
        "the hub moves to another namespace ({}): people find a new, empty hub there, and their volumes stay behind",
        see.config("namespace"),
        blocks=True,
    ),
    Rule(
        "cluster",
        "the stack moves to another cluster ({}): people find a new, empty hub there, and their volumes stay behind",
        see.cluster,
        blocks=True,
    ),
    Rule(
        "mode",
        "the mode of a deployed stack is switched ({}): `hubstack up` does that in place, a rollout refuses it; on the "
        "way to helm, the hub may restart",
        see.config("mode"),
        blocks=True,
    ),
    Rule(
        "storage",
        "{}: what is stored there may be lost",
        see.data_objects,
        blocks=True,
        lasts=FOR_GOOD,
    ),
    Rule(
        "database",
        "the hub starts with another database ({}): it knows no users, no tokens and no running servers",
        see.database,
        blocks=True,
    ),
    Rule(
        "release-name",
        "the release gets another name ({}): every pod of the hub is made anew, and the network policies no longer "
        "cover the servers that are running",
        see.config("releaseName"),
        blocks=True,
    ),
    Rule(
        "object-names",
        "objects get other names or labels ({}): they are deleted and made anew, the public address among them, and "
        "the network policies no longer cover the servers that are running",
        rows("fullnameOverride", "nameOverride"),
        blocks=True,
    ),
    Rule("idle-deletion", "data of people is deleted: {}", culling.deletion, blocks=True, lasts=FOR_GOOD),
    Rule("dummy-authenticator", "anybody who finds the address may log in under any name", see.when(see.dummy)),
    Rule(
        "tls-off",
        "HTTPS is switched off: passwords and notebooks travel readable by others, links with https:// fail",
        see.when(see.tls_off),
    ),
    Rule(
        "certificate",
        "browsers get another certificate or other rules for HTTPS ({}): where it is wrong, nobody gets in without a "
        "warning",
        see.certificate,
    ),
    Rule("new-token", "a secret is renewed: {}", see.token),
    Rule(
        "hub-restart",
        "the hub restarts: no logins and no new servers; running notebooks keep going",
        see.restart("hub"),
        lasts="for about 20 s",
    ),
    Rule(
        "proxy-restart",
        "the proxy restarts: nobody reaches the hub or a notebook; open notebooks reconnect by themselves",
        see.restart("proxy"),
        lasts="for some seconds",
    ),
    Rule(
        "autohttps-restart",
        "the HTTPS end point restarts: nobody reaches the hub or a notebook; open notebooks reconnect by themselves",
        see.restart("autohttps"),
        lasts="for some seconds",
    ),
    Rule(
        "public-address",
        "where people reach the hub changes ({}): check links, DNS names and login callbacks",
        rows(*ADDRESS),
    ),
    Rule(
        "client-networks",
        "the load balancer admits other networks ({}): who is outside of them reaches neither the hub nor a notebook",
        rows("proxy.service.loadBalancerSourceRanges"),
    ),
    Rule("culling", "{}", culling.culling),
    Rule(
        "authenticator",
        "people log in another way ({}): the same person may come under another user name, with an empty home",
        rows(*NAMES),
        when=LOGIN,
    ),
    Rule("access", "who may log in changes: {}", access.logins, when=LOGIN),
    Rule(
        "login-provider",
        "the login provider is asked in another way ({}): where it is wrong, nobody can log in",
        rows("hub.config.*Authenticator", but=(*NAMES, *access.ALLOWED, *access.ADMINS)),
        when=LOGIN,
    ),
    Rule(
        "server-limits",
        "how many servers may start or run at once changes ({}): who comes when it is full is told to try again later",
        rows(*LIMITS),
        when=START,
    ),
    Rule(
        "named-servers",
        "servers with names change ({}): where they are switched off, the existing ones can no longer be started or "
        "stopped by their owners",
        rows(*NAMED_SERVERS),
    ),
    Rule("hub-pages", "the hub's pages look or lead elsewhere ({})", rows(*PAGES)),
    Rule("logout", "what signing out does to running servers changes ({})", rows(*LOGOUT)),
)  # fmt: skip
"""Rules about people now; what blocks stands first."""
