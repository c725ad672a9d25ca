"""The parts of ``voyant-cloud publish-batch``: reading, sending, and the checkpoint between the two."""
