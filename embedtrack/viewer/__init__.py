"""The window in which a result is looked at and corrected: napari's, which the extra ``napari`` brings."""
