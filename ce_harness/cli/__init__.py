"""The commands: how a call begins, and how it ends."""
