"""The policy and the decision it leads to, with a reason for each contribution."""
