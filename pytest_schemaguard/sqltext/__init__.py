"""SQL as text, without a server: statements of a file, names as SQL spells them. Pure."""
