"""The sum of Kronecker products nearest to a dense weight, and the order of inputs it fits best."""
