"""The outbox's command, under its own name."""
