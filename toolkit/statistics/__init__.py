"""Statistics: arrays in, numbers out. Outcomes, estimates, draws, the paired bootstrap, falls under noise."""
