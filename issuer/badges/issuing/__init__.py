"""From awards to signed badges: drafted or intended, signed, stored. When each happens is `issuance`."""
