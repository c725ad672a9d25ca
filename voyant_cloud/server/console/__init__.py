"""The console: a page for people, served beside the protocol."""
