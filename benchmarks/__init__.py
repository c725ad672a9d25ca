"""What the SDK and the server cost, beside bare equivalents measured in the same run."""
