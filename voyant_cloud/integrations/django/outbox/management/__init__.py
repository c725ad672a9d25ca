"""The outbox's command."""
