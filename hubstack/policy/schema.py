"""The JSON Schema of ``policies.yaml`` for editors, generated from the models: ``python -m hubstack.policy.schema``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hubstack.policy.model import PolicyFile

FILE = Path(__file__).with_name("schema.json")


def document() -> dict[str, Any]:
    """The schema."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Policies of Hubstack",
        **PolicyFile.model_json_schema(by_alias=True),
    }


def text() -> str:
    """The schema as the file has it."""
    return json.dumps(document(), indent=2) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
