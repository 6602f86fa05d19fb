"""The figures of the page on mathematics: `python -m docs.images.mathematics` draws them."""
