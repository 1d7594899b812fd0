"""Etherapy: the backend for text-based, asynchronous e-therapy messaging."""

__version__ = "0.1.0"
