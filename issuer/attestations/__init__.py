"""Who may attest what, about whom; what two people saw counts as a record."""
