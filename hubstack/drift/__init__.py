"""Whether a stack's objects are still what it made of them: the cluster against the state, field by field."""
