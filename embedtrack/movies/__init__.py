"""Open any movie: the challenge's folder, images, TIFF, OME-TIFF, OME-Zarr, microscopes' files."""
