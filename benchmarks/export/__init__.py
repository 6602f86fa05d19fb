"""What exported networks cost where they run."""
