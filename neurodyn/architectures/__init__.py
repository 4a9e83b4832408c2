"""Model families, one a file: a frozen Config and build(config, seed)."""
