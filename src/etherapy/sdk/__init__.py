"""The far end: what a person's device does with keys, words and the protocol."""
