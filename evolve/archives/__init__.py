"""Archives: they are told trials and sample parents and inspirations from them."""
