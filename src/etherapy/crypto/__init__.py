"""What only the two ends can do: seal, open, recover (tep.md §5.3 to §5.6). Not for the server.

Not audited. The formats are in `tep`; here are the secrets. Bytes in, bytes out: no files, no network,
no clock; randomness is handed in where a test must repeat it.
"""
