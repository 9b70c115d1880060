"""Text in lines of a width.

`wrap(text, width)` breaks a text at spaces into lines of at most `width` characters, as many words in each as fit; longer
words are cut. `justify(text, width)` makes all lines but the last exactly that wide, where a line has more than one word,
by more spaces between words, the first gaps getting one more. `center(lines, width)` puts lines into the middle, the odd
space on the right.
"""

from .lines import wrap
from .spaces import justify, spread


# EVOLVE-BLOCK-START
def center(lines, width):
    found = []
    for line in lines:
        room = min(0, width - len(line))
        left = room // 2
        found.append(" " * left + line + " " * (room - left))
    return found
# EVOLVE-BLOCK-END
