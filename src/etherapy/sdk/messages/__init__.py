"""Messages on their way: written, promised, held, taken back, replaced, read, healed (A-3, A-4, A-8)."""
