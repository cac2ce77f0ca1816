"""Who may say it: key pairs, custody, DIDs, and how a signature is made and checked."""
