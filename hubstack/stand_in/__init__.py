"""A stand-in for Pulumi's plugin ``random``: for trials on the embedded cluster, and for tests (docs/adr/0015).

A program of its own that speaks the engine's provider protocol and knows the resource type that this project uses.
What it leaves in a state is what the real plugin leaves there, so that either goes on where the other stopped.

`random_id` knows the type, `values` what lies on the wire, `service` answers the engine, `launcher` makes the
executable file that the engine starts.
"""

STANDS_IN_FOR = "4.21.1"
"""The version of the real plugin whose place it takes."""
