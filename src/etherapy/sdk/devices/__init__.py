"""A person's own devices and the chain that names them (tep.md §5.2, §5.9)."""
