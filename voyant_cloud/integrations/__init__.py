"""For applications in a framework: ``.django``, ``.flask``, and what any framework can use."""
