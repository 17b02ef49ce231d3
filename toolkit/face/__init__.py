"""The public face: one function for every journey of the command line, with typed arguments and a `Result`.

`toolkit` lends their names: `toolkit.evaluate` is `toolkit.face.score.evaluate`. A function loads what it needs when it is
called, so that importing it is light.
"""
