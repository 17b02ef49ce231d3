"""Models: encoders, adapters, fusions and heads, wired into circuits; the only folder that imports `adapters`."""
