"""Lists of whole numbers in fewer bytes.

`packed(numbers)` and `unpacked(data)`: differences of neighbours, zigzag, seven bits to a byte, the lowest first, the
eighth bit set where more follow. `runs(values)` are [value, how often] and `unrun(pairs)` the inverse;
`checksum(data)` is Fletcher's of 16 bits.
"""

from .numbers import packed, unpacked
from .runs import runs, unrun


# EVOLVE-BLOCK-START
def checksum(data):
    low = high = 0
    for byte in data:
        low = (low + byte) % 255
        high = (high + low) % 255
    return 256 * high - low
# EVOLVE-BLOCK-END
