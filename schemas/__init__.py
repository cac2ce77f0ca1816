"""What a badge says: data models, codecs and shapes. Pure; imports none of our code."""
