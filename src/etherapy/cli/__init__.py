"""The command line: for the operator through `server.operate`, for people through the SDK."""
