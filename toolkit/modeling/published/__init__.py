"""Checkpoints as they are published: configuration, tokenizer and weights, from files alone and never by their code."""
