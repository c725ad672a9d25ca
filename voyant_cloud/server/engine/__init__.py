"""Engines: where messages and presence live, behind one protocol."""
