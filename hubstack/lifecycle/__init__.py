"""One life of a stack: what may stop an update, the update itself, and the end."""
