"""What the commands of Django and Flask share: arguments, lines, and an orderly end."""
