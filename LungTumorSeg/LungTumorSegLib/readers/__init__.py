"""Files of a CT, read as a `CT`: DICOM, NRRD, NIfTI, MetaImage."""
