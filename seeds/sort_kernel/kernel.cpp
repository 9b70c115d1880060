// Sorts 16 numbers, the smallest first.
#include <cstdint>

// EVOLVE-BLOCK-START
constexpr int GAPS[] = {8, 4, 2, 1};  // the last one must be 1

void sort16(std::uint32_t* a) {
    for (int gap : GAPS)
        for (int i = gap; i < 16; i++) {
            const std::uint32_t value = a[i];
            int j = i;
            while (j >= gap && a[j - gap] > value) {
                a[j] = a[j - gap];
                j -= gap;
            }
            a[j] = value;
        }
}
// EVOLVE-BLOCK-END
