"""The verifying office: who is believed, and what that buys."""
