"""Will it fit: the pods that a hub will start, set against the nodes that there are."""
