"""The commands of the app: one a module, under its own name."""
