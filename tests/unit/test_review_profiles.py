"""What people choose from before a server starts: every change of it is told, by the names that KubeSpawner goes by."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from hubstack.review import rules
from hubstack.review.profiles import profiles, slug
from hubstack.review.rendering import Rendered
from hubstack.review.secrets import Redactor
from hubstack.review.setting_changes import changed

PROFILES: list[dict[str, Any]] = [
    {
        "display_name": "Small server",
        "slug": "small",
        "default": True,
        "kubespawner_override": {"mem_limit": "2G", "image": "a/b:1"},
        "profile_options": {
            "image": {
                "display_name": "Image",
                "unlisted_choice": {
                    "enabled": True,
                    "validation_regex": "^a/.*$",
                    "kubespawner_override": {"image": "{value}"},
                },
                "choices": {
                    "py": {"display_name": "Python", "default": True, "kubespawner_override": {"image": "a/py:1"}},
                    "r": {"display_name": "R", "kubespawner_override": {"image": "a/r:1"}},
                },
            },
            "memory": {
                "display_name": "Memory",
                "choices": {"m2": {"display_name": "2 GB", "kubespawner_override": {"mem_guarantee": "2G"}}},
            },
        },
    },
    {"display_name": "Large Server!", "allowed_groups": ["staff"], "kubespawner_override": {"environment": {"X": "1"}}},
]
"""Two profiles, the second with a slug of KubeSpawner's making."""


def told(before: Any, after: Any, where: Callable[[Any], dict[str, Any]] | None = None) -> list[tuple[str, str]]:
    """Rule and text of each finding."""
    place = where or (lambda found: {"singleuser": {"profileList": found}, "prePuller": {"hook": {"enabled": True}}})
    base, head = Rendered("a", values=place(before)), Rendered("a", values=place(after))
    rows = changed(base, head, Redactor(()))
    assert rows
    return [(each.rule, each.text) for each in rules.judge(rules.Change(base, head, (), rows), {})]


def edited(edit: Callable[[Any], Any]) -> list[dict[str, Any]]:
    """The profiles after a change."""
    after = copy.deepcopy(PROFILES)
    edit(after)
    return after


def override(profile: Any) -> Any:
    """Settings of the spawner in a profile or a choice."""
    return profile["kubespawner_override"]


def choices(found: Any, option: str = "image") -> Any:
    """The choices of an option of the first profile."""
    return found[0]["profile_options"][option]["choices"]


ERROR = "ends in an error; running servers keep going"
CASES: list[tuple[Callable[[Any], Any], str, str]] = [
    (
        lambda found: found.pop(),
        "profile-removed",
        f"profile large-server disappears: a start with it, from a saved link or after the server was stopped, {ERROR}",
    ),
    (
        lambda found: found.clear(),
        "profiles-gone",
        "no profile is left to choose (small, large-server): every server starts with the default image "
        "and resources, also one that somebody asks for by the name of a profile; running servers keep "
        "going",
    ),
    (
        lambda found: choices(found).pop("r"),
        "choice-removed",
        "profile small, option image, choice r disappears: a start that asks for it, because it was "
        f"chosen before, {ERROR}",
    ),
    (
        lambda found: found[0]["profile_options"].pop("memory"),
        "choice-removed",
        "profile small, option memory disappears: a start that asks for a choice of it gets what the "
        "profile says instead; running servers keep going",
    ),
    (
        lambda found: found[0]["profile_options"]["image"]["unlisted_choice"].update(enabled=False),
        "choice-removed",
        f"profile small, option image takes no entry of one's own any more: a start with one {ERROR}",
    ),
    (
        lambda found: override(choices(found)["r"]).update(image="a/r:2"),
        "user-image",
        "new servers start from another image (profile small, option image, choice r: a/r:1 -> a/r:2, "
        "pulled to every node first)",
    ),
    (
        lambda found: override(found[0]).update(image="a/b:2"),
        "user-image",
        "new servers start from another image (profile small: a/b:1 -> a/b:2, pulled to every node first)",
    ),
    (
        lambda found: override(choices(found, "memory")["m2"]).update(mem_guarantee="3G"),
        "user-resources",
        "new servers get other resources (profile small, option memory, choice m2, mem_guarantee: 2G -> 3G)",
    ),
    (
        lambda found: override(found[1]).update(extra_resource_limits={"nvidia.com/gpu": "1"}),
        "user-resources",
        "new servers get other resources (profile large-server, extra_resource_limits: unset -> "
        '{"nvidia.com/gpu": "1"})',
    ),
    (
        lambda found: found[1].update(allowed_groups=["staff", "course"]),
        "profile-access",
        "who may take a profile, or what may be typed in, changes: profile large-server, "
        'allowed_groups: ["staff"] -> ["staff", "course"]',
    ),
    (
        lambda found: found[1].pop("allowed_groups"),
        "profile-access",
        "who may take a profile, or what may be typed in, changes: profile large-server, "
        'allowed_groups: ["staff"] -> unset',
    ),
    (
        lambda found: found[0].update(allowed_teams=["a:b"]),
        "profile-access",
        'who may take a profile, or what may be typed in, changes: profile small, allowed_teams: unset -> ["a:b"]',
    ),
    (
        lambda found: found[0]["profile_options"]["image"]["unlisted_choice"].update(validation_regex=".*"),
        "profile-access",
        "who may take a profile, or what may be typed in, changes: profile small, option image, "
        'unlisted_choice.validation_regex: "^a/.*$" -> ".*" (a start with an entry that does not fit '
        "ends in an error)",
    ),
    (
        lambda found: found[1].update(default=True) or found[0].pop("default"),
        "profiles",
        "what people choose from changes: profiles: who does not choose gets large-server instead of small",
    ),
    (
        lambda found: choices(found)["py"].pop("default") and choices(found)["r"].update(default=True),
        "profiles",
        "what people choose from changes: profile small, option image: who does not choose gets r instead of py",
    ),
    (
        lambda found: found.append({"display_name": "GPU"}),
        "profiles",
        "what people choose from changes: profile gpu is new",
    ),
    (
        lambda found: override(found[1])["environment"].update(X="2"),
        "profiles",
        "what people choose from changes: profile large-server: kubespawner_override.environment",
    ),
    (
        lambda found: found[1].update(display_name="Large server"),
        "profiles",
        "what people choose from changes: profile large-server: display_name",
    ),
    (
        lambda found: found.reverse(),
        "profiles",
        "what people choose from changes: the profiles stand in another order",
    ),
]


@pytest.mark.parametrize("case", range(len(CASES)))
def test_a_change_below_the_profiles(case: int) -> None:
    """One thing that differs is one sentence, with the profile, the option and the choice that it is about."""
    edit, rule, text = CASES[case]
    assert told(PROFILES, edited(edit)) == [(rule, text)]


def test_profiles_that_appear() -> None:
    """Where there was no choice, there is one now."""
    assert told([], PROFILES) == [
        (
            "profiles",
            "what people choose from changes: people choose one of 2 profiles before a server starts: small, "
            "large-server",
        )
    ]


def test_another_slug_is_another_profile() -> None:
    """A name without a slug is the slug: who has chosen the old one is refused."""
    after = edited(lambda found: found[1].update(display_name="Huge"))
    assert [rule for rule, _ in told(PROFILES, after)] == ["profile-removed", "profiles"]


def test_profiles_of_the_hubs_configuration() -> None:
    """What stands at hub.config.KubeSpawner wins; a map of profiles is one by the order of its keys."""

    def place(found: Any) -> dict[str, Any]:
        return {"singleuser": {"profileList": [{"display_name": "x"}]}, "hub": {"config": {"KubeSpawner": found}}}

    before, after = {"profile_list": {"b": PROFILES[0], "a": PROFILES[1]}}, {"profile_list": {"b": PROFILES[0]}}
    assert list(profiles(place(before))) == ["large-server", "small"]
    assert [rule for rule, _ in told(before, after, place)] == ["profile-removed"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Large Server!", "large-server"),
        ("  16 GB / 4 CPU ", "16-gb-4-cpu"),
        ("Élevé, très", "eleve-tres"),
        ("a_b", "a-b"),
        ("1,000 users", "1000-users"),
        ("it's", "it-s"),
        ("4.5 GB", "4-5-gb"),
        ("C++ & <b>R</b>", "c-b-r-b"),
        ("a &amp; b", "a-b"),
        ("Größe ŁódŹ", "grosse-lodz"),
    ],
)
def test_slugs(name: str, expected: str) -> None:
    """Names become what python-slugify 9 makes of them, which KubeSpawner asks."""
    assert slug({"display_name": name}) == expected
    assert slug({"display_name": name, "slug": "own"}) == "own"


@pytest.mark.parametrize("odd", [None, "x", 5, {}, [None], ["x"], [[]], [{}], [{"profile_options": 3}], [{"slug": 1}]])
def test_lists_of_no_known_shape(odd: Any) -> None:
    """What is no profile is left out, and is no error; the setting is listed all the same."""
    for before, after in ((odd, PROFILES), (PROFILES, odd)):
        assert told(before, after) is not None
