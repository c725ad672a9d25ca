"""What the commands of the app share, and the commands."""
