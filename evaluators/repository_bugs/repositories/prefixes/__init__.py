"""Words by their beginnings.

`completed(words, start, most)` are the words with that beginning, those that come most often first, then by alphabet, at
most so many; `count(words, start)` how many there are, repetitions included; `shortest(words)` gives each word its shortest
beginning that no other word has, or all of it; `common(words)` is the longest beginning of all of them.
"""

from .tree import Tree, common


def completed(words, start, most):
    tree = Tree(words)
    found = sorted(tree.below(start), key=lambda each: (-each[1], each[0]))
    return [word for word, _ in found[:most]]


def count(words, start):
    return sum(often for _, often in Tree(words).below(start))


def shortest(words):
    tree = Tree(set(words))
    found = {}
    for word in words:
        length = 1
        while length < len(word) and len(tree.below(word[:length])) > 1:
            length += 1
        found[word] = word[:length]
    return found
