"""Journey `robust`: scores under noise and attacks."""
