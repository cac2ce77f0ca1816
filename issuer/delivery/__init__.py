"""How a badge reaches its holder: the private page, downloads, the public badge page."""
