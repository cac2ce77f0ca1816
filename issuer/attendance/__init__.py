"""Who was there: a code on the room's screen, a card on paper, or a list at the door."""
