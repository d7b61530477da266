"""What can be read of code in hub.extraConfig, and that everything else is a doubt."""

from __future__ import annotations

import pytest

from hubstack.capacity import code
from hubstack.capacity.code import Step

HARMLESS = [
    "c.JupyterHub.template_vars = {'a': 1}",
    "c.Authenticator.allowed_users = {'eve'}",
    "import os\nc.JupyterHub.log_level = os.environ.get('LEVEL', 'INFO')",
    "c.KubeSpawner.image = 'a:1'",
    "c.Spawner.environment = {'A': '1'}",
    "c.KubeSpawner.http_timeout = 60\nc.Spawner.default_url = '/lab'",
    "c.KubeSpawner.environment['A'] = '1'\nc.KubeSpawner.environment.update({'B': '2'})",
    "class Mine:\n    def f(self): return 1",
]
DOUBTFUL = [
    "def hook(spawner):\n    spawner.mem_limit = '64G'\nc.KubeSpawner.pre_spawn_hook = hook",
    "async def profiles(spawner):\n    return []\nc.KubeSpawner.profile_list = profiles",
    "c.KubeSpawner.profile_list = [{'display_name': 'a'}]",
    "c.KubeSpawner.options_form = '<form>'",
    "c.KubeSpawner.mem_limit = size()",
    "c.KubeSpawner.node_selector['a'] = 'b'",
    "c.KubeSpawner.node_selector.update(a='b')",
    "c.KubeSpawner.node_selector.update(other)",
    "c.KubeSpawner.node_selector.setdefault('a', 'b')",
    "c.KubeSpawner.node_selector.append('b')",
    "c.KubeSpawner.tolerations.update({'a': 'b'})",
    "c.KubeSpawner.tolerations.append(one)",
    "c.KubeSpawner.tolerations.insert(0, {})",
    "c.KubeSpawner.tolerations.extend('ab')",
    "c.KubeSpawner.tolerations.append({}).x",
    "c.Spawner.node_selector.update({'a': 'b'})",
    "for each in '1':\n    c.KubeSpawner.tolerations.append({})",
    "c.KubeSpawner.mem_limit += 'G'",
    "if True:\n    c.KubeSpawner.mem_limit = '1G'",
    "c['KubeSpawner']['mem_limit'] = '1G'",
    "c['KubeSpawn' + 'er'].mem_limit = '1G'",
    "configure(c)",
    "exec(open('/x').read())",
    "load_subconfig('/etc/x.py')",
    "from kubespawner import KubeSpawner",
    "import kubespawner.spawner as k",
    "from mine import *",
    "c.JupyterHub.spawner_class = 'mine.Spawner'",
    "getattr(c, 'Kube' + 'X').mem_limit = 1",
    "c.KubeSpawner.image = exec('1')",
    "c.KubeSpawner.no_such_trait = 1",
    "a = b = c.KubeSpawner",
    "x = c",
    "not python at all :",
]


@pytest.mark.parametrize("snippet", HARMLESS)
def test_code_that_has_nothing_to_do_with_pods_is_no_doubt(snippet: str) -> None:
    """Most hubs have some code; without this, nothing could be said of them."""
    found = code.read({"a": snippet})
    assert (found.doubts, found.steps) == ([], [])


@pytest.mark.parametrize("snippet", DOUBTFUL)
def test_code_that_may_change_a_pod_is_a_doubt(snippet: str) -> None:
    """Whatever cannot be read as a setting, and may reach the spawner, is said with its place."""
    found = code.read({"a": snippet})
    assert found.steps == []
    assert found.doubts
    assert all(each.startswith("hub.extraConfig.a") for each in found.doubts)


def test_plain_settings_are_read_in_order() -> None:
    """A trait that is set to a literal, or gets one added, is a setting; snippets run by name."""
    found = code.read(
        {
            "b": "c.KubeSpawner.mem_limit = '2G'\nc.Spawner.cpu_limit = 2",
            "a": "c.KubeSpawner.extra_pod_config.update({'a': 1})\nc.KubeSpawner.tolerations.append({'key': 'x'})",
        }
    )
    assert found.doubts == []
    assert found.steps == [
        Step("KubeSpawner", "extra_pod_config", "update", {"a": 1}),
        Step("KubeSpawner", "tolerations", "append", {"key": "x"}),
        Step("KubeSpawner", "mem_limit", "set", "2G"),
        Step("Spawner", "cpu_limit", "set", 2),
    ]


def test_one_doubt_for_a_snippet() -> None:
    """A long snippet is one doubt, with its first line and how many follow."""
    found = code.read({"a": "import os\nx(c)\ny(c)\nz(c)"})
    assert found.doubts == ["hub.extraConfig.a, line 2: code that gets the whole configuration (and 2 more lines)"]
