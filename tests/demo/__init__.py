"""The demo: an example community, and a play of the whole road with it (`./run demo`)."""
