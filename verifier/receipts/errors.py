"""What can go wrong with a receipt; each text is one sentence for a person."""


class UnknownReceiptError(Exception):
    """There is no receipt of this number, or not any more."""


class NoRoomError(Exception):
    """Too many receipts are kept already."""
