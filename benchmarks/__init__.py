"""What the SDK and the server cost, each figure beside something else that was measured in the same run."""
