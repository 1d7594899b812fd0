"""What a device keeps, in files that are written before anything is relied upon (decisions.md D-33)."""
