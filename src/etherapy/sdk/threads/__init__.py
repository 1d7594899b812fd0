"""One thread on this device: what was fetched of it, who is in it, and its epochs (A-3, A-5, A-6)."""
