"""Strong correlation of trained runs: reads run folders, analyses networks, writes files."""
