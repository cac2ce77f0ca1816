"""The event's team and finance at their own pages: who they are, what they may do, and what they did."""
