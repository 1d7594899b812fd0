"""The hammer: what a send, a page and an inbox cost beside the database alone (docs/performance.md)."""
