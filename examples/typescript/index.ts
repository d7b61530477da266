// A JupyterHub in TypeScript, wired to what the program makes beside it.

import * as hubstack from "@pulumi/hubstack";
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();
const password = config.requireSecret("databasePassword");
const clientSecret = config.requireSecret("clientSecret");

const provider = new kubernetes.Provider("cluster", { enableSecretMutable: true, enableConfigMapMutable: true });

const namespace = new kubernetes.core.v1.Namespace("namespace", {}, { provider }).metadata.name;
const metadata = { namespace };
const database = new kubernetes.core.v1.Service(
    "database",
    { metadata, spec: { selector: { app: "postgres" }, ports: [{ port: 5432 }] } },
    { provider },
);
const oauth = new kubernetes.core.v1.Secret(
    "oauth",
    { metadata, stringData: { "client-secret": clientSecret } },
    { provider },
);
const settings = new kubernetes.core.v1.ConfigMap("settings", { metadata, data: { color: "blue" } }, { provider });

const address = pulumi.interpolate`${database.metadata.name}.${namespace}`;
const clientSecretRef = { secretKeyRef: { name: oauth.metadata.name, key: "client-secret" } };
const colorRef = { configMapKeyRef: { name: settings.metadata.name, key: "color" } };
const awaitDatabase = ["sh", "-c", 'until pg_isready --host "$0"; do sleep 1; done', address];

const lab = new hubstack.JupyterHub(
    "lab",
    {
        namespace,
        protect: false, // an example leaves nothing behind
        values: {
            hub: {
                db: { type: "postgres", url: pulumi.interpolate`postgresql+psycopg2://hub@${address}/hub`, password },
                initContainers: [{ name: "await-database", image: "postgres:17", command: awaitDatabase }],
                extraEnv: { OAUTH_CLIENT_SECRET: { valueFrom: clientSecretRef } },
            },
            singleuser: { cpu: { limit: 2 }, extraEnv: { COLOR: { valueFrom: colorRef } } },
        },
    },
    { provider },
);

export const url = lab.url;
export const hubNamespace = lab.namespace;
