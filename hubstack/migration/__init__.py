"""Taking over a hub that runs already: from Helm, or from the stack's other mode, in place, with nothing lost."""
