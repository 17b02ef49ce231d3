"""The commands, by what they are for; `cli.py` puts them together. Nothing heavy is imported before a command runs."""
