"""Small values files after public bug reports and forum questions: what is said of each, or what becomes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hubstack import manifests
from hubstack.chart.errors import SettingsError
from hubstack.chart.load import load_values

SAID = {
    "a key twice": (
        "hub:\n  config: {A: {b: 1}}\n  config: {JupyterHub: {authenticator_class: dummy}}\n",
        "line 3: the key 'config' stands there a second time, and what the first one holds is lost",
    ),
    "roles that replace the chart's": (
        "hub: {config: {JupyterHub: {load_roles: [{name: user, scopes: [self]}]}}}\n",
        "hub.config.JupyterHub.load_roles: replaces the roles that the chart makes (for cull.enabled): who had them is "
        "refused with 403; put these roles below hub.loadRoles",
    ),
    "nobody is let in": (
        "hub: {config: {JupyterHub: {authenticator_class: github}, GitHubOAuthenticator: {client_id: x}}}\n",
        "hub.config.JupyterHub.authenticator_class: GitHubOAuthenticator is told of nobody who may log in, so "
        "JupyterHub lets nobody in; set hub.config.GitHubOAuthenticator.allow_all to true, or name people by "
        "allowed_users or by what else it knows",
    ),
    "a service that the chart takes out": (
        "hub: {config: {JupyterHub: {services: [{name: a}]}}}\n",
        "hub.config.JupyterHub.services: the chart takes this out, so these services do not run; put them below "
        "hub.services",
    ),
    "nobody is let in by another authenticator": (
        "hub: {config: {JupyterHub: {authenticator_class: pam}, Authenticator: {admin_users: [ada]}}}\n",
        "hub.config.JupyterHub.authenticator_class: PAMAuthenticator is told of nobody who may log in, so JupyterHub "
        "lets nobody in; set hub.config.PAMAuthenticator.allow_all to true, or name people by allowed_users or by what "
        "else it knows",
    ),
    "a second document": (
        "cull: {every: 500}\n---\ncull: {every: 400}\n",
        "line 2: a second document begins there, which neither Helm nor this reads: write all of it as one, without "
        "'---'",
    ),
    "administrators as text": (
        "hub: {config: {Authenticator: {admin_users: 'ada, bob'}}}\n",
        "hub.config.Authenticator.admin_users: 'ada, bob' is not allowed; must be a list, such as [ada, bob]; the hub "
        "would not start",
    ),
    "a number in quotes": (
        "hub: {config: {KubeSpawner: {start_timeout: '60'}}}\n",
        "hub.config.KubeSpawner.start_timeout: '60' is not allowed; must be a whole number, without quotes; no server "
        "would start",
    ),
    "a size that only Kubernetes reads": (
        "singleuser: {memory: {limit: 2Gi}}\n",
        "singleuser.memory.limit: '2Gi' is no size that JupyterHub reads; write bytes, or a number with K, M, G or T: "
        "2G; no server would start",
    ),
    "more than the limit": (
        "singleuser: {memory: {limit: 512M, guarantee: 1G}}\n",
        "singleuser.memory.guarantee: 1G is more than the limit, 512M: the cluster would refuse every server of that "
        "kind",
    ),
    "a mount without a volume": (
        "singleuser: {storage: {type: none, extraVolumeMounts: [{name: data, mountPath: /data}]}}\n",
        "singleuser.storage.extraVolumeMounts: mounts 'data', and singleuser.storage.extraVolumes has no volume "
        "of this "
        "name: the cluster would refuse every server",
    ),
    "two profiles that are the default": (
        "singleuser: {profileList: [{display_name: a, default: true}, {display_name: b, default: true}]}\n",
        "singleuser.profileList: more than one profile is the default: the first of them is, and the others are not",
    ),
    "an override that is no trait": (
        "singleuser: {profileList: [{display_name: a, kubespawner_override: {mem_limt: 1G}}]}\n",
        "singleuser.profileList[0].kubespawner_override.mem_limt: KubeSpawner has no such trait: this has no "
        "effect; did "
        "you mean 'mem_limit'?",
    ),
    "an override of a wrong type": (
        "singleuser: {profileList: [{display_name: a, kubespawner_override: {mem_limit: 1Gi}}]}\n",
        "singleuser.profileList[0].kubespawner_override.mem_limit: '1Gi' is no size that JupyterHub reads; "
        "write bytes, "
        "or a number with K, M, G or T: 1G; no server of this profile would start",
    ),
    "culling that comes too seldom": (
        "cull: {every: 9000, timeout: 3600}\n",
        "cull.every: 9000 is more than twice cull.timeout, 3600: idle servers are looked for so seldom that "
        "most of them "
        "stay far longer",
    ),
    "a template that nothing has filled in": (
        "hub: {baseUrl: '${BASE}'}\n",
        "hub.baseUrl: looks like a template that nothing has filled in; it is used as it stands",
    ),
}
"""What is taken, and warned about."""

REFUSED = {
    "cores as a quantity": (
        "singleuser: {cpu: {limit: 500m}}\n",
        "singleuser.cpu.limit: '500m' is not allowed; must be a number of cores; write 0.5",
    ),
    "an umbrella chart": (
        "nfs: {enabled: true}\njupyterhub: {hub: {}}\n",
        "jupyterhub: these are values of a parent chart, with the hub's below 'jupyterhub'; to take those, add "
        "--values-key jupyterhub, or set hubstack:valuesKey to 'jupyterhub' in the stack's file; nfs would be left out",
    ),
    "encrypted with sops": (
        "sops: {kms: []}\njupyterhub: {hub: {cookieSecret: 'ENC[AES256_GCM,data:A,type:str]'}}\n",
        "it is encrypted with sops, and its texts are not taken as they stand: decrypt it first (`sops decrypt FILE`), "
        "or put its settings below hubstack:secretValues, which the stack's file keeps encrypted",
    ),
    "a level too deep": (
        "singleuser: {image: {cmd: null}}\n",
        "singleuser.image.cmd: unknown key; it belongs one level up: singleuser.cmd",
    ),
    "a missing blank": (
        "ingress:\n  enabled:true\n  hosts: [hub.example.org]\n",
        "line 3, column 8: not valid YAML: mapping values are not allowed in this context; is there a blank missing "
        "behind the colon in line 2?",
    ),
    "text for a section": (
        "singleuser: {memory: 2G}\n",
        "singleuser.memory: '2G' is not allowed; must be a map of settings; write memory: {guarantee: 2G, limit: 2G}",
    ),
    "text for an image": (
        "hub: {image: 'quay.io/example/hub:1'}\n",
        "hub.image: 'quay.io/example/hub:1' is not allowed; must be a map of settings; write image: {name: "
        'quay.io/example/hub, tag: "1"}',
    ),
    "a switch for a section": (
        "ingress: true\n",
        "ingress: the truth value true is not allowed; must be a map of settings; write ingress: {enabled: true}",
    ),
    "a level too high": ("memory: {limit: 1G}\n", "memory: unknown key; it belongs below singleuser"),
    "two levels too high": (
        "proxy: {letsencrypt: {}}\n",
        "proxy.letsencrypt: unknown key; it belongs below proxy.https",
    ),
    "below another section": ("hub: {profileList: []}\n", "hub.profileList: unknown key; it belongs below singleuser"),
    "code among the classes": (
        "hub: {config: {extraConfig: {a: x}}}\n",
        "hub.config.extraConfig: unknown key; it belongs one level up: hub.extraConfig",
    ),
    "a template of Helm": (
        "hub:\n  image: {{ .Values.image }}\n",
        "line 2, column 11: not valid YAML: a key must be text, not a map or a list; it looks like a template that "
        "nothing has filled in",
    ),
    "a template for a section": (
        "hub: << hub >>\n",
        "hub: '<< hub >>' is not allowed; must be a map of settings; it looks like a template that nothing has "
        "filled in",
    ),
    "a tab": (
        "hub:\n\tdb: x\n",
        "line 2, column 1: not valid YAML: found character that cannot start any token; the line is indented "
        "with a tab: "
        "write blanks",
    ),
    "cores with a unit": (
        "singleuser: {cpu: {limit: 0.5 cores}}\n",
        "singleuser.cpu.limit: '0.5 cores' is not allowed; must be a number of cores, without a unit; write 0.5",
    ),
}
"""What is refused."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the values are written."""
    return tmp_path / "values.yaml"


@pytest.mark.parametrize("name", SAID)
def test_what_is_warned_about(file: Path, name: str) -> None:
    """Helm and the hub take it, and it is hardly meant."""
    text, said = SAID[name]
    file.write_text(text)
    assert [str(each).removeprefix(f"{file}: ") for each in load_values([file]).warnings] == [said]


@pytest.mark.parametrize(
    "settings",
    [
        "GitHubOAuthenticator: {allowed_organizations: [x]}",
        "OAuthenticator: {allowed_groups: [x]}",
        "Authenticator: {admin_users: [x]}",
        "Authenticator: {allow_all: true}",
    ],
)
def test_somebody_is_let_in(file: Path, settings: str) -> None:
    """By the authenticator's own rules, or by those of what it inherits from."""
    file.write_text(f"hub: {{config: {{JupyterHub: {{authenticator_class: github}}, {settings}}}}}\n")
    assert load_values([file]).warnings == ()


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(file: Path, name: str) -> None:
    """Helm refuses it, too; the message says how to mend it."""
    text, said = REFUSED[name]
    file.write_text(text)
    with pytest.raises(SettingsError) as error:
        load_values([file])
    assert said in [str(each).removeprefix(f"{file}: ") for each in error.value.problems]


def test_lists_are_replaced_and_nulls_handed_on(tmp_path: Path) -> None:
    """A later file's list is the only one; its null stands where the chart has no default."""
    files = [tmp_path / "a.yaml", tmp_path / "b.yaml"]
    files[0].write_text("singleuser: {profileList: [{slug: a}, {slug: b}], nodeSelector: {pool: user, zone: a}}\n")
    files[1].write_text("singleuser: {profileList: [{slug: c}], nodeSelector: {zone: null}}\n")
    values = load_values(files).values.singleuser
    assert (values.profile_list, values.node_selector) == ([{"slug": "c"}], {"pool": "user", "zone": None})


def test_anchors_below_custom(file: Path) -> None:
    """Merge keys are expanded where they stand, and the pullers find the images of shared choices."""
    file.write_text(
        "custom:\n  image: &image\n    choices:\n"
        "      r: {kubespawner_override: {image: quay.io/example/r:1}}\n"
        "singleuser:\n  profileList:\n    - profile_options: {image: *image}\n"
        "    - profile_options: {image: {<<: *image, display_name: other}}\n"
    )
    assert [each["name"] for each in _pulled(file) if each["image"] == "quay.io/example/r:1"] == [
        "image-pull-profile-0-option-image-r",
        "image-pull-profile-1-option-image-r",
    ] * 2


def _pulled(file: Path) -> list[dict[str, Any]]:
    objects = manifests.render_manifests([file], "jhub", "jhub", "1.36.1", placeholders=True)
    pullers = [each["spec"]["template"]["spec"] for each in objects if each["kind"] == "DaemonSet"]
    return [container for spec in pullers for container in spec["initContainers"]]


def test_a_null_over_another_file(tmp_path: Path) -> None:
    """It removes defaults of the chart, and nothing else; who meant to remove a setting is told."""
    files = [tmp_path / "a.yaml", tmp_path / "b.yaml"]
    files[0].write_text("singleuser: {nodeSelector: {zone: a}, memory: {limit: 2G}}\ncustom: {a: 1}\n")
    files[1].write_text(
        "singleuser: {nodeSelector: {zone: null}, memory: {limit: null}, cmd: null}\ncustom: {a: null}\n"
    )
    assert [str(each) for each in load_values(files).warnings] == [
        f"{files[1]}: singleuser.nodeSelector.zone: this null does not remove what {files[0]} sets: Helm "
        f"removes defaults "
        f"of the chart only, so 'zone' is handed on with nothing in it; take it out of {files[0]}"
    ]


@pytest.mark.parametrize("ending", ["---\n", "---\n# nothing\n", "...\n"])
def test_a_document_with_nothing_in_it(file: Path, ending: str) -> None:
    """It holds no settings that could be lost."""
    file.write_text(f"---\ncull: {{every: 500}}\n{ending}")
    assert load_values([file]).warnings == ()


def test_files_of_a_parent_chart_are_found_at_once(tmp_path: Path) -> None:
    """One key fits the files of the inner charts, too; a file for others, and one of this chart, may stand "
    "among them."""
    texts = {
        "inner.yaml": "jupyterhub: {cull: {every: 500}}\nnfs: {}\n",
        "outer.yaml": "base: {jupyterhub: {hub: {}, debug: {enabled: true}}, dask: {}}\n",
        "others.yaml": "grafana: {ingress: {enabled: true}}\n",
        "own.yaml": "singleuser: {startTimeout: 60}\n",
    }
    files = [tmp_path / name for name in texts]
    for path in files:
        path.write_text(texts[path.name])
    with pytest.raises(SettingsError) as error:
        load_values(files)
    assert {each.message.partition("--values-key ")[2].partition(",")[0] for each in error.value.problems} == {
        "base.jupyterhub"
    }
    loaded = load_values(files, values_key="base.jupyterhub")
    assert loaded.user == {
        "cull": {"every": 500}, "hub": {}, "debug": {"enabled": True}, "singleuser": {"startTimeout": 60}
    }  # fmt: skip
    assert [each.message.rpartition(": ")[2] for each in loaded.left_out] == ["nfs", "base.dask", "grafana"]
