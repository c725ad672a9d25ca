"""What a bare peer says in each protocol, built before anything is measured: the same orders in each one's framing."""
