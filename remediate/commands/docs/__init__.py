"""Writers of the generated documents: pages, coverage and schemas."""
