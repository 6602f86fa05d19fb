"""The methods: each computes the operator, all give the same."""
