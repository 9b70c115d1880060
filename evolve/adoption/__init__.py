"""Which program of a lineage is the adopted one, and when another one takes its place: from the journal alone."""
