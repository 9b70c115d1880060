"""A tree of letters. A node is a dict of nodes by letter, with the number of words that end there under ""."""


class Tree:
    def __init__(self, words):
        self.root = {"": 0}
        for word in words:
            self.add(word)

    def add(self, word):
        node = self.root
        for letter in word:
            node = node.setdefault(letter, {"": 0})
        node[""] += 1

    def below(self, start):
        """The words with that beginning, and how often each was added."""
        node = self.root
        for letter in start:
            if letter not in node:
                return []
            node = node[letter]
        return walk(node, start)


def walk(node, text):
    found = [(text, node[""])] if node[""] > 0 else []
    for letter in node:
        if letter != "":
            found.extend(walk(node[letter], text + letter))
    return found


def common(words):
    if not words:
        return ""
    first, last = min(words), max(words)
    length = 0
    while length < len(first) and first[length] == last[length]:
        length += 1
    return first[:length]
