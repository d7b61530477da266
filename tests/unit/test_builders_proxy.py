"""The proxy, automatic HTTPS and the ways in. Whole renderings are compared with Helm's in tests/parity."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubstack.chart import autohttps, helm_yaml, ingress, proxy, proxy_services
from hubstack.chart.errors import SettingsError
from hubstack.chart.https import HttpsKind, https_kind
from hubstack.chart.load import load_values
from hubstack.chart.release import Release, TokenValues
from hubstack.chart.text import sha256
from hubstack.chart.traefik_config import merge_filling
from hubstack.chart.url import public_url

TOKENS = TokenValues(proxy_auth="token", cookie_secret="cookie", crypt_keys="keys", services={})
EMAIL = {"contactEmail": "admin@example.org"}


def release(**values: Any) -> Release:
    """A release of the chart's defaults with some values changed."""
    loaded = load_values([], values)
    return Release(name="jhub", namespace="jhub", values=loaded.values, tree=loaded.tree)


def https(kind: str | None, **settings: Any) -> Release:
    """A release with HTTPS switched on."""
    return release(proxy={"https": {"enabled": True, "type": kind, **settings}})


def identities(manifests: list[dict[str, Any]]) -> set[str]:
    return {f"{each['kind']}/{each['metadata']['name']}" for each in manifests}


LETSENCRYPT = {"hosts": ["hub.example.org"], "letsencrypt": EMAIL}
MANUAL = {"manual": {"key": "KEY", "cert": "CERT"}}


@pytest.mark.parametrize(
    ("target", "kind", "public_ports"),
    [
        (release(), HttpsKind.NONE, [("http", 80, "http")]),
        (https(None), HttpsKind.NONE, [("http", 80, "http")]),
        (https(""), HttpsKind.NONE, [("http", 80, "http")]),
        (https("letsencrypt"), HttpsKind.NONE, [("http", 80, "http")]),
        (https("letsencrypt", **LETSENCRYPT), HttpsKind.LETSENCRYPT, [("https", 443, "https"), ("http", 80, "http")]),
        (https("manual", **MANUAL), HttpsKind.MANUAL, [("https", 443, "https"), ("http", 80, "http")]),
        (https("secret", secret={"name": "t"}), HttpsKind.SECRET, [("https", 443, "https"), ("http", 80, "http")]),
        (https("offload"), HttpsKind.OFFLOAD, [("https", 443, "http"), ("http", 80, "http")]),
    ],
)
def test_kind_of_https_decides_the_public_ports(
    target: Release, kind: HttpsKind, public_ports: list[tuple[str, int, str]]
) -> None:
    assert https_kind(target.values) is kind
    spec = proxy_services.proxy_public(target)["spec"]
    assert [(port["name"], port["port"], port["targetPort"]) for port in spec["ports"]] == public_ports
    assert spec["selector"]["component"] == ("autohttps" if kind is HttpsKind.LETSENCRYPT else "proxy")


def test_public_service_as_a_whole() -> None:
    target = release(
        proxy={
            "service": {
                "labels": {"team": "a"},
                "annotations": {"dns": "x"},
                "nodePorts": {"http": 30080},
                "loadBalancerIP": "192.0.2.1",
                "loadBalancerSourceRanges": ["192.0.2.0/24"],
                "externalIPs": ["192.0.2.9"],
            }
        }
    )
    public = proxy_services.proxy_public(target)
    assert public["metadata"]["name"] == "proxy-public"
    assert public["metadata"]["annotations"] == {"dns": "x"}
    assert public["metadata"]["labels"].items() >= {"team": "a", "component": "proxy-public"}.items()
    assert public["spec"] == {
        "type": "LoadBalancer",
        "selector": {"component": "proxy", "app": "jupyterhub", "release": "jhub"},
        "ports": [{"name": "http", "port": 80, "targetPort": "http", "nodePort": 30080}],
        "ipFamilyPolicy": "PreferDualStack",
        "loadBalancerIP": "192.0.2.1",
        "loadBalancerSourceRanges": ["192.0.2.0/24"],
        "externalIPs": ["192.0.2.9"],
    }


def test_source_ranges_need_a_load_balancer() -> None:
    target = release(proxy={"service": {"type": "ClusterIP", "loadBalancerSourceRanges": ["192.0.2.0/24"]}})
    assert "loadBalancerSourceRanges" not in proxy_services.proxy_public(target)["spec"]


def test_letsencrypt_brings_its_objects() -> None:
    assert identities(autohttps.objects(https("letsencrypt", **LETSENCRYPT))) == {
        "ConfigMap/autohttps",
        "Deployment/autohttps",
        "NetworkPolicy/autohttps",
        "Service/proxy-http",
        "ServiceAccount/autohttps",
        "Role/autohttps",
        "RoleBinding/autohttps",
    }
    assert autohttps.objects(release()) == []


@pytest.mark.parametrize(
    ("kind", "settings", "missing"),
    [
        ("letsencrypt", {"hosts": ["a.example.org"]}, ["proxy.https.letsencrypt.contactEmail"]),
        ("manual", {}, ["proxy.https.manual.cert", "proxy.https.manual.key"]),
        ("manual", {"manual": {"cert": "C", "key": ""}}, ["proxy.https.manual.key"]),
    ],
)
def test_missing_settings_are_named_all_at_once(kind: str, settings: dict[str, Any], missing: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        proxy.tls_secret(https(kind, **settings))
    assert [problem.path for problem in caught.value.problems] == missing
    assert f"required while proxy.https.type is '{kind}'" in str(caught.value)


def test_manual_certificate_becomes_a_tls_secret() -> None:
    secret = proxy.tls_secret(https("manual", **MANUAL))
    assert secret is not None
    assert (secret["type"], secret["data"]) == ("kubernetes.io/tls", {"tls.crt": "Q0VSVA==", "tls.key": "S0VZ"})


def _annotations(target: Release, tokens: TokenValues = TOKENS) -> dict[str, Any]:
    return proxy.deployment(target, tokens)["spec"]["template"]["metadata"]["annotations"]


def test_token_digest_is_short_and_follows_the_token() -> None:
    assert _annotations(release())["checksum/auth-token"] == sha256("token")[:4]
    pinned = release(proxy={"secretToken": "pinned"})
    assert _annotations(pinned)["checksum/auth-token"] == sha256("pinned")[:4]


class Deferred:
    """Stands for an output of the engine."""

    is_secret = True

    def __init__(self, value: Any) -> None:
        self.value = value

    @classmethod
    def all(cls, *leaves: Any) -> Deferred:
        return cls([leaf.value if isinstance(leaf, Deferred) else leaf for leaf in leaves])

    def apply(self, function: Any) -> Deferred:
        return Deferred(function(self.value))


def test_token_that_is_not_known_yet_is_not_looked_at() -> None:
    tokens = TokenValues(proxy_auth=Deferred("later"), cookie_secret="", crypt_keys="", services={})
    digest = _annotations(release(), tokens)["checksum/auth-token"]
    assert isinstance(digest, Deferred)
    assert digest.value == sha256("later")[:4]


def test_certificate_change_restarts_the_proxy() -> None:
    without = _annotations(release())["checksum/proxy-secret"]
    one = _annotations(https("manual", **MANUAL))["checksum/proxy-secret"]
    other = _annotations(https("manual", manual={"key": "KEY", "cert": "NEW"}))["checksum/proxy-secret"]
    assert len({without, one, other}) == 3


def test_static_config_restarts_traefik_and_dynamic_config_does_not() -> None:
    def digest(**traefik: Any) -> str:
        target = release(proxy={"https": {"enabled": True, **LETSENCRYPT}, "traefik": traefik})
        return autohttps.deployment(target)["spec"]["template"]["metadata"]["annotations"]["checksum/static-config"]

    assert digest() != digest(extraStaticConfig={"log": {"level": "INFO"}})
    assert digest() == digest(extraDynamicConfig={"http": {"middlewares": {"mine": {"compress": {}}}}})


def test_wildcard_host_stays_text() -> None:
    target = https("letsencrypt", hosts=["*.example.org"], letsencrypt=EMAIL)
    text = autohttps.config_map(target)["data"]["dynamic.yaml"]
    domains = helm_yaml.load(text, source="dynamic.yaml")["http"]["routers"]["default"]["tls"]["domains"]
    assert domains == [{"main": "*.example.org"}]


def test_budget_of_autohttps_gets_its_own_name_only_where_two_would_clash() -> None:
    enabled = {"pdb": {"enabled": True}}
    both = {"chp": enabled, "traefik": enabled}
    budgets = [each for each in (autohttps.pod_disruption_budget(release(proxy={"traefik": enabled})),) if each]
    assert identities(budgets) == {"PodDisruptionBudget/proxy"}
    for overrides, expected in (({}, "autohttps"), ({"fullnameOverride": "lab"}, "proxy")):
        target = release(proxy=both, **overrides)
        budget = autohttps.pod_disruption_budget(target)
        assert budget is not None
        assert budget["metadata"]["name"] == expected


trees = st.recursive(
    st.sampled_from([None, False, True, 0, 1, "", "x", [], [1]]),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
maps = st.dictionaries(st.sampled_from("abc"), trees, max_size=3)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(maps, maps)
def test_merge_prefers_what_is_not_empty(preferred: dict[str, Any], fallback: dict[str, Any]) -> None:
    merged = merge_filling(preferred, fallback)
    assert merged.keys() == preferred.keys() | fallback.keys()
    for key, value in merged.items():
        own = preferred.get(key)
        if own and not isinstance(own, dict):
            assert value == own
        elif not own:
            assert value == fallback.get(key, own)
    assert merge_filling(merged, fallback) == merged


@pytest.mark.parametrize(
    ("values", "address", "url"),
    [
        ({}, "192.0.2.1", "http://192.0.2.1/"),
        ({}, "2001:db8::1", "http://[2001:db8::1]/"),
        ({}, None, "http://proxy-public.jhub.svc/"),
        ({"hub": {"baseUrl": "/hubs/one"}}, "192.0.2.1", "http://192.0.2.1/hubs/one/"),
        ({"proxy": {"https": {"enabled": True, "type": "offload"}}}, "lb.example.org", "https://lb.example.org/"),
        ({"proxy": {"https": {"enabled": True, **LETSENCRYPT}}}, "192.0.2.1", "https://hub.example.org/"),
        ({"proxy": {"https": {"enabled": False, **LETSENCRYPT}}}, "192.0.2.1", "http://192.0.2.1/"),
        ({"ingress": {"enabled": True, "hosts": ["i.example.org"]}}, None, "http://i.example.org/"),
        (
            {"ingress": {"enabled": True, "hosts": ["i.example.org"], "tls": [{"secretName": "t"}]}},
            None,
            "https://i.example.org/",
        ),
        ({"ingress": {"enabled": True, "hosts": ["*.example.org"]}}, "192.0.2.1", "http://192.0.2.1/"),
        ({"httpRoute": {"enabled": True, "hostnames": ["r.example.org"]}}, None, "http://r.example.org/"),
        (
            {
                "httpRoute": {
                    "enabled": True,
                    "hostnames": ["r.example.org"],
                    "gateway": {"name": "edge", "sectionName": "https"},
                }
            },
            None,
            "https://r.example.org/",
        ),
    ],
)
def test_public_url(values: dict[str, Any], address: str | None, url: str) -> None:
    assert public_url(release(**values), address) == url


def test_ingress_without_hosts_takes_every_host() -> None:
    manifest = ingress.ingress(release(ingress={"enabled": True, "hosts": []}, hub={"baseUrl": "/h/"}))
    assert manifest is not None
    assert manifest["spec"]["rules"] == [
        {
            "http": {
                "paths": [
                    {
                        "path": "/h/",
                        "pathType": "Prefix",
                        "backend": {"service": {"name": "proxy-public", "port": {"name": "http"}}},
                    }
                ]
            }
        }
    ]


def test_command_flags_are_templates_and_typed_by_yaml() -> None:
    flags = ["--name={{ .Release.Name }}", "5"]
    target = release(proxy={"chp": {"extraCommandLineFlags": flags}}, debug={"enabled": True})
    assert proxy.command(target)[-3:] == ["--log-level=debug", "--name=jhub", 5]
