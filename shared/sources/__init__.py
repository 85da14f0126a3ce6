"""Where nodes are read from. Sources fit `reconcile.NodeSource` by shape."""
