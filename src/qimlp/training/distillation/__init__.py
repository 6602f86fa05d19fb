"""Training a model to answer as another one does."""
