"""JupyterHub's configuration, from the values that the hub was deployed with.

Each function below configures one topic; the calls at the end are the order. ``hub.extraConfig`` runs last, in this
module's namespace, so ``c``, ``get_config`` and the other names imported here are there for it.
"""

import glob
import os
import re
import sys

from jupyterhub.utils import url_path_join
from kubernetes_asyncio import client
from tornado.httpclient import AsyncHTTPClient

c = get_config()  # noqa: F821 - JupyterHub puts this function here; z2jh's function of that name takes its place below

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from z2jh import get_config, get_name, get_name_env, get_secret_value, set_config_if_not_none  # noqa: E402

HUB_PORT = 8081
EXTRA_CONFIG_FOLDER = "/usr/local/etc/jupyterhub/jupyterhub_config.d"
UNSET = object()

HUB_TRAITS = (
    "concurrent_spawn_limit",
    "active_server_limit",
    "base_url",
    "allow_named_servers",
    "named_server_limit_per_user",
    "authenticate_prometheus",
    "redirect_to_server",
    "shutdown_on_logout",
    "template_paths",
    "template_vars",
)
"""Traits of JupyterHub that have a setting of the same name below ``hub``."""

SPAWNER_TRAITS = {
    "pod_name_template": "podNameTemplate",
    "start_timeout": "startTimeout",
    "image_pull_policy": "image.pullPolicy",
    "events_enabled": "events",
    "extra_labels": "extraLabels",
    "extra_annotations": "extraAnnotations",
    "uid": "uid",
    "fs_gid": "fsGid",
    "service_account": "serviceAccountName",
    "storage_extra_labels": "storage.extraLabels",
    "node_selector": "nodeSelector",
    "node_affinity_required": "extraNodeAffinity.required",
    "node_affinity_preferred": "extraNodeAffinity.preferred",
    "pod_affinity_required": "extraPodAffinity.required",
    "pod_affinity_preferred": "extraPodAffinity.preferred",
    "pod_anti_affinity_required": "extraPodAntiAffinity.required",
    "pod_anti_affinity_preferred": "extraPodAntiAffinity.preferred",
    "lifecycle_hooks": "lifecycleHooks",
    "init_containers": "initContainers",
    "extra_containers": "extraContainers",
    "mem_limit": "memory.limit",
    "mem_guarantee": "memory.guarantee",
    "cpu_limit": "cpu.limit",
    "cpu_guarantee": "cpu.guarantee",
    "extra_resource_limits": "extraResource.limits",
    "extra_resource_guarantees": "extraResource.guarantees",
    "environment": "extraEnv",
    "profile_list": "profileList",
    "extra_pod_config": "extraPodConfig",
}
"""Traits of KubeSpawner and the setting below ``singleuser`` that each takes."""

SEEDED = {
    "JupyterHub": ("proxy_auth_token", "cookie_secret", "services"),
    "ConfigurableHTTPProxy": ("auth_token",),
    "CryptKeeper": ("keys",),
}
"""Entries of ``hub.config`` that have been read from the Secret's own keys already."""


def camelCaseify(s):
    """``some_value`` as ``someValue``; users' snippets may call it."""
    return re.sub("_([a-z])", lambda letter: letter[1].upper(), s)


def configure_process():
    """How the hub runs in a pod of its own, beside a proxy in another."""
    # Thousands of requests to the proxy's API are too much for tornado's pure Python client.
    AsyncHTTPClient.configure("tornado.curl_httpclient.CurlAsyncHTTPClient")
    hub = c.JupyterHub
    hub.spawner_class = "kubespawner.KubeSpawner"
    # Users' servers outlive a restart of the hub.
    hub.cleanup_servers = False
    hub.last_activity_interval = 60
    # People see the progress page at once.
    hub.tornado_settings = {"slow_spawn_timeout": 0}
    hub.hub_bind_url = f"http://:{HUB_PORT}"
    hub.hub_connect_url = service_url("hub")
    c.ConfigurableHTTPProxy.api_url = service_url("proxy-api")
    c.ConfigurableHTTPProxy.should_start = False
    for trait in HUB_TRAITS:
        set_config_if_not_none(hub, trait, f"hub.{camelCaseify(trait)}")


def service_url(name):
    """Address of a Service from the environment that Kubernetes gives the pod."""
    return f"http://{get_name(name)}:{get_name_env(name, '_SERVICE_PORT')}"


def configure_database():
    """Where the hub keeps users and servers, and the password by way of the database library's variable."""
    kind = get_config("hub.db.type")
    built_in = {"sqlite-pvc": "sqlite:///jupyterhub.sqlite", "sqlite-memory": "sqlite://"}
    if kind in built_in:
        c.JupyterHub.db_url = built_in[kind]
    else:
        set_config_if_not_none(c.JupyterHub, "db_url", "hub.db.url")
    password = get_secret_value("hub.db.password", None)
    if password is None:
        return
    variable = {"mysql": "MYSQL_PWD", "postgres": "PGPASSWORD"}.get(kind)
    if variable:
        os.environ[variable] = password
    else:
        print(f"warning: hub.db.password has no effect with hub.db.type={kind}")


def configure_spawner():
    """Users' pods: names, labels, image, resources."""
    spawner = c.KubeSpawner
    spawner.common_labels = common_labels()
    spawner.namespace = os.environ.get("POD_NAMESPACE", "default")
    set_config_if_not_none(c.Spawner, "consecutive_failure_limit", "hub.consecutiveFailureLimit")
    for trait, setting in SPAWNER_TRAITS.items():
        set_config_if_not_none(spawner, trait, f"singleuser.{setting}")
    name, tag = get_config("singleuser.image.name"), get_config("singleuser.image.tag")
    if name:
        spawner.image = f"{name}:{tag}" if tag else name
    # Null is a choice of its own here.
    spawner.allow_privilege_escalation = get_config("singleuser.allowPrivilegeEscalation")
    if secrets := image_pull_secrets():
        spawner.image_pull_secrets = secrets


def common_labels():
    """Labels of everything that the spawner makes; the legacy ones are what network policies select."""
    app = get_config("nameOverride", default=get_config("Chart.Name", "jupyterhub"))
    labels = {"app.kubernetes.io/name": app, "app": app}
    release = get_config("Release.Name")
    if release:
        labels.update({"app.kubernetes.io/instance": release, "release": release})
    name, version = get_config("Chart.Name"), get_config("Chart.Version")
    if name and version:
        chart = f"{name}-{version.replace('+', '_')}"
        labels.update({"helm.sh/chart": chart, "chart": chart})
    labels["app.kubernetes.io/managed-by"] = "kubespawner"
    return labels


def image_pull_secrets():
    """The Secret that the chart makes, then those that the settings name."""
    secrets = []
    if get_config("imagePullSecret.automaticReferenceInjection") and get_config("imagePullSecret.create"):
        secrets.append(get_name("image-pull-secret"))
    for setting in ("imagePullSecrets", "singleuser.image.pullSecrets"):
        secrets.extend(get_config(setting) or [])
    return secrets


def configure_scheduling():
    """Which scheduler places users' pods, and on what nodes."""
    spawner = c.KubeSpawner
    if get_config("scheduling.userScheduler.enabled"):
        spawner.scheduler_name = get_name("user-scheduler")
    if get_config("scheduling.podPriority.enabled"):
        spawner.priority_class_name = get_name("priority")
    term = {"matchExpressions": [{"key": "hub.jupyter.org/node-purpose", "operator": "In", "values": ["user"]}]}
    match get_config("scheduling.userPods.nodeAffinity.matchNodePurpose"):
        case "prefer":
            spawner.node_affinity_preferred.append({"weight": 100, "preference": term})
        case "require":
            spawner.node_affinity_required.append(term)
        case "ignore" | "" | None:
            pass
        case other:
            raise ValueError(f"scheduling.userPods.nodeAffinity.matchNodePurpose: {other!r} is not a known purpose")
    shared = get_config("scheduling.userPods.tolerations", [])
    tolerations = shared + get_config("singleuser.extraTolerations", [])
    if tolerations:
        spawner.tolerations = tolerations


def configure_storage():
    """Volumes of users' pods by key: the home, the extra files, and what the settings add."""
    volumes, mounts = home_volume()
    add_extra_files(volumes, mounts)
    add_extra(volumes, get_config("singleuser.storage.extraVolumes", default={}), lambda _, volume: volume["name"])
    # Several mounts may share a volume, so a list's entries are told apart by their place in it.
    add_extra(
        mounts,
        get_config("singleuser.storage.extraVolumeMounts", default={}),
        lambda index, mount: f"{index}-{mount['name']}",
    )
    c.KubeSpawner.volumes = volumes
    c.KubeSpawner.volume_mounts = mounts


def home_volume():
    """Volume and mount of the user's home."""
    kind = get_config("singleuser.storage.type")
    if kind == "dynamic":
        template = get_config("singleuser.storage.dynamic.pvcNameTemplate")
        if template:
            c.KubeSpawner.pvc_name_template = template
        c.KubeSpawner.storage_pvc_ensure = True
        for trait, setting in (
            ("storage_class", "dynamic.storageClass"),
            ("storage_access_modes", "dynamic.storageAccessModes"),
            ("storage_capacity", "capacity"),
        ):
            set_config_if_not_none(c.KubeSpawner, trait, f"singleuser.storage.{setting}")
        name, claim = get_config("singleuser.storage.dynamic.volumeNameTemplate"), "{pvc_name}"
    elif kind == "static":
        name, claim = "home", get_config("singleuser.storage.static.pvcName")
    else:
        return {}, {}
    mount = {
        "mountPath": get_config("singleuser.storage.homeMountPath"),
        "name": name,
        "subPath": get_config(f"singleuser.storage.{kind}.subPath"),
    }
    return {name: {"name": name, "persistentVolumeClaim": {"claimName": claim}}}, {name: mount}


def add_extra_files(volumes, mounts):
    """One volume from the Secret with the files, and a mount for each of them."""
    files = get_config("singleuser.extraFiles", {})
    if not files:
        return
    items = [
        {"key": key, "path": key, **({"mode": details["mode"]} if "mode" in details else {})}
        for key, details in files.items()
    ]
    volumes["files"] = {"name": "files", "secret": {"secretName": get_name("singleuser"), "items": items}}
    for index, (key, details) in enumerate(files.items()):
        mounts[f"{index}-files"] = {"mountPath": details["mountPath"], "subPath": key, "name": "files"}


def add_extra(target, extra, key_of):
    """Add a map, or a list under the keys that ``key_of(index, entry)`` gives."""
    if isinstance(extra, list):
        extra = {key_of(index, entry): entry for index, entry in enumerate(extra)}
    if isinstance(extra, dict):
        target.update(extra)


def configure_services():
    """Services and roles: the idle culler, then those of the settings."""
    hub = c.JupyterHub
    hub.services, hub.load_roles = [], []
    if get_config("cull.enabled", False):
        add_idle_culler()
    for key, service in get_config("hub.services", {}).items():
        service.setdefault("name", key)
        service.pop("apiToken", None)
        service["api_token"] = get_secret_value(f"hub.services.{key}.apiToken")
        hub.services.append(service)
    for key, role in get_config("hub.loadRoles", {}).items():
        role.setdefault("name", key)
        hub.load_roles.append(role)


def add_idle_culler():
    """The service that stops idle servers, with no more rights than it needs."""
    name = "jupyterhub-idle-culler"
    scopes = ["list:users", "read:users:activity", "read:servers", "delete:servers"]
    api = url_path_join(c.JupyterHub.get("base_url", "/"), "hub/api")
    command = ["python3", "-m", "jupyterhub_idle_culler", f"--url=http://localhost:{HUB_PORT}{api}"]
    for option, setting in (("timeout", "timeout"), ("cull-every", "every"), ("concurrency", "concurrency")):
        if amount := get_config(f"cull.{setting}"):
            command.append(f"--{option}={amount}")
    if get_config("cull.users"):
        command.append("--cull-users")
        scopes.append("admin:users")
    if not get_config("cull.adminUsers"):
        command.append("--cull-admin-users=false")
    if get_config("cull.removeNamedServers"):
        command.append("--remove-named-servers")
    if age := get_config("cull.maxAge"):
        command.append(f"--max-age={age}")
    c.JupyterHub.services.append({"name": name, "command": command})
    c.JupyterHub.load_roles.append({"name": name, "scopes": scopes, "services": [name]})


def configure_servers():
    """What runs in a user's pod, and what is kept from it."""
    # A null command is a choice: the image's own.
    command = get_config("singleuser.cmd", UNSET)
    if command is not UNSET:
        c.Spawner.cmd = command
    set_config_if_not_none(c.Spawner, "default_url", "singleuser.defaultUrl")
    cloud_metadata = get_config("singleuser.cloudMetadata")
    if cloud_metadata.get("blockWithIptables") is True:
        c.KubeSpawner.init_containers.append(metadata_server_block(cloud_metadata["ip"]))


def metadata_server_block(address):
    """An init container that keeps a pod from its cloud's metadata server, which may hold credentials."""
    rule = "--append OUTPUT --protocol tcp --destination {} --destination-port 80 --jump DROP"
    image = f"{get_config('singleuser.networkTools.image.name')}:{get_config('singleuser.networkTools.image.tag')}"
    return client.V1Container(
        name="block-cloud-metadata",
        image=image,
        command=["iptables", *rule.format(address).split()],
        security_context=client.V1SecurityContext(
            privileged=True, run_as_user=0, capabilities=client.V1Capabilities(add=["NET_ADMIN"])
        ),
        resources=get_config("singleuser.networkTools.resources"),
    )


def configure_secrets():
    """Keys that are generated where the settings have none; the proxy's token comes by the environment."""
    c.JupyterHub.cookie_secret = get_secret_value("hub.config.JupyterHub.cookie_secret")
    c.CryptKeeper.keys = get_secret_value("hub.config.CryptKeeper.keys").split(";")


def apply_hub_config():
    """``hub.config``: sections by class name."""
    for section, traits in get_config("hub.config", {}).items():
        for trait in SEEDED.get(section, ()):
            traits.pop(trait, None)
        if not section[:1].isupper():
            # A section in lower case configures no class: it is misspelt or misplaced, and would do nothing.
            print(
                f"FATAL: hub.config.{section}: a section is named after a class, such as JupyterHub, "
                "and starts with a capital letter; is this setting misplaced?",
                file=sys.stderr,
            )
            sys.exit(1)
        c[section].update(traits)


configure_process()
configure_database()
configure_spawner()
configure_scheduling()
configure_storage()
configure_services()
configure_servers()
if get_config("debug.enabled", False):
    c.JupyterHub.log_level = "DEBUG"
    c.Spawner.debug = True
configure_secrets()
apply_hub_config()

for _file in sorted(glob.glob(f"{EXTRA_CONFIG_FOLDER}/*.py")):
    print(f"running {_file}")
    with open(_file) as _stream:
        exec(compile(_stream.read(), os.path.basename(_file), "exec"))

for _key, _code in sorted(get_config("hub.extraConfig", {}).items()):
    print(f"running hub.extraConfig.{_key}")
    # Compiled under the key, so that a traceback names the snippet.
    exec(compile(_code, f"hub.extraConfig.{_key}", "exec"))
