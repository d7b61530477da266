"""The actions of GitHub that our workflows use, each at a commit: a tag can be moved to other code, a commit cannot."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Action:
    """One action at one commit."""

    name: str
    commit: str
    """40 hexadecimal digits."""
    tag: str
    """The release that has this commit, for whoever reads the workflow."""

    @property
    def uses(self) -> str:
        """What a step uses."""
        return f"{self.name}@{self.commit}"


CHECKOUT = Action("actions/checkout", "3d3c42e5aac5ba805825da76410c181273ba90b1", "v7.0.1")
SETUP_PYTHON = Action("actions/setup-python", "5fda3b95a4ea91299a34e894583c3862153e4b97", "v7.0.0")
UPLOAD_ARTIFACT = Action("actions/upload-artifact", "bbbca2ddaa5d8feaa63e36b76fdaad77386f024f", "v7.0.0")
DOWNLOAD_ARTIFACT = Action("actions/download-artifact", "3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c", "v8.0.1")
ALL = (CHECKOUT, SETUP_PYTHON, UPLOAD_ARTIFACT, DOWNLOAD_ARTIFACT)


def with_tags(workflow: str) -> str:
    """The text of a workflow with the tag of each action behind its commit."""
    for action in ALL:
        workflow = workflow.replace(f"{action.uses}\n", f"{action.uses} # {action.tag}\n")
    return workflow
