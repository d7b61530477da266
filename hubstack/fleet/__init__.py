"""One change, many clusters, in waves: what to deploy where, in which order, and what to do when something fails."""
