"""One clear answer for a volunteer with a phone."""
