"""Awards, badges, signing, status lists, and the issuer's public documents."""
