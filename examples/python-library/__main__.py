"""A JupyterHub in a program of one's own, wired to what the program makes beside it."""

import pulumi
import pulumi_kubernetes as kubernetes
import pulumi_random as random

from hubstack import JupyterHub, JupyterHubArgs

config = pulumi.Config()
password, client_secret = config.require_secret("databasePassword"), config.require_secret("clientSecret")

cluster = kubernetes.Provider("cluster", enable_secret_mutable=True, enable_config_map_mutable=True)
in_cluster = pulumi.ResourceOptions(provider=cluster)

namespace = kubernetes.core.v1.Namespace("namespace", opts=in_cluster).metadata.name
here = {"namespace": namespace}
database = kubernetes.core.v1.Service(
    "database", metadata=here, spec={"selector": {"app": "postgres"}, "ports": [{"port": 5432}]}, opts=in_cluster
)
oauth = kubernetes.core.v1.Secret("oauth", metadata=here, string_data={"client-secret": client_secret}, opts=in_cluster)
settings = kubernetes.core.v1.ConfigMap("settings", metadata=here, data={"color": "blue"}, opts=in_cluster)
bucket = random.RandomId("bucket", prefix="scratch-", byte_length=4)

address = pulumi.Output.format("{0}.{1}", database.metadata.name, namespace)
client_secret_ref = {"secretKeyRef": {"name": oauth.metadata.name, "key": "client-secret"}}
color_ref = {"configMapKeyRef": {"name": settings.metadata.name, "key": "color"}}
await_database = ["sh", "-c", 'until pg_isready --host "$0"; do sleep 1; done', address]

lab = JupyterHub(
    "lab",
    JupyterHubArgs(
        namespace=namespace,
        protect=False,  # an example leaves nothing behind
        values={
            "hub": {
                "db": {
                    "type": "postgres",
                    "url": pulumi.Output.format("postgresql+psycopg2://hub@{0}/hub", address),
                    "password": password,
                },
                "initContainers": [{"name": "await-database", "image": "postgres:17", "command": await_database}],
                "extraEnv": {"OAUTH_CLIENT_SECRET": {"valueFrom": client_secret_ref}, "BUCKET": bucket.hex},
            },
            "singleuser": {"cpu": {"limit": 2}, "extraEnv": {"COLOR": {"valueFrom": color_ref}}},
        },
    ),
    in_cluster,
)

pulumi.export("url", lab.url)
pulumi.export("namespace", lab.namespace)
