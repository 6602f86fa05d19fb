"""From raw examples to numbers: terms, encoders, orders, scaling."""
