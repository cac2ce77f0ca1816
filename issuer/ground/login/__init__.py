"""Who asks: coming in by a mailed link or an OpenID provider, sessions, roles, the door to private pages."""
