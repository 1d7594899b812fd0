"""Work that nobody waits for: each worker is `tick(now)`, and nothing depends on its punctuality
(decisions.md D-5)."""
