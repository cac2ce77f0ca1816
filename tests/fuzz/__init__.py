"""Fuzzing: readers and verdicts under generated input, with hypothesis here and with atheris in `tests/real`.

`targets`: what each reader must do with any bytes; `seeds`: good things to start from; `changes`: how a good badge
becomes another.
"""
