"""The server watched: its keys, its logs, the device chains it shows, held against what was seen before.

A copy never gets shorter and never branches; what differs becomes a finding (tep.md §5.13, §8.1).
"""
