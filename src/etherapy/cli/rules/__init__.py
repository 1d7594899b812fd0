"""Commands about rules: as files, as they are in force, and what follows from them."""
