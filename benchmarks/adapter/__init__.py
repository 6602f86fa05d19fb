"""Times adapters over the frozen layer alone, beside their peers."""
