"""A toy method: bright components are cells, and overlap tells who was who. It proves the seam and learns nothing."""
