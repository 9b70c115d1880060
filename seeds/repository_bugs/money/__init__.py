"""Money in whole cents.

`cents(text)` reads "12", "12.3", "-0.05" or "1,234.50", None for what is no amount; `shown(amount)` writes "-1,234.05";
`shares(amount, weights)` splits an amount by weights so that nothing is lost, the cents that are left going to the largest
remainders, the first ones first; `balances(entries)` adds up [from, to, amount] to a balance for each name, without zeros.
"""

from .amounts import cents, shown
from .splitting import shares


# EVOLVE-BLOCK-START
def balances(entries):
    found = {}
    for source, target, amount in entries:
        if source == target:
            found[source] = found.get(source, 0) - amount
            found[target] = found.get(target, 0) + amount
    return {name: balance for name, balance in found.items() if balance != 0}
# EVOLVE-BLOCK-END
