"""How fast and how near the nearest Kronecker sum of a dense weight comes."""
