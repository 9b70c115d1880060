"""What has changed between two texts.

`distance(a, b)` is the least number of letters to insert, delete or replace; `same(a, b)` a longest common subsequence's
length; `script(a, b)` the edits from a to b as ["keep" | "drop" | "add", letter], with as much kept as can be, and drops
before adds where it is free; `apply(a, edits)` the text that edits make of a, or None where they do not fit.
"""

from .scripts import apply, script
from .tables import distance, same
