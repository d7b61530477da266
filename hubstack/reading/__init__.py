"""Files and texts that others wrote: read within limits, so that none of them ends the program.

Every YAML file of the product, and JSON in a setting, goes through here: a pull request may bring any of them (ADR 26).
"""

from hubstack.reading.documents import from_json, from_yaml, settings, yaml_file
from hubstack.reading.errors import Unreadable
from hubstack.reading.files import content, text

__all__ = ["Unreadable", "content", "from_json", "from_yaml", "settings", "text", "yaml_file"]
