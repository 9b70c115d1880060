// Reads two numbers, how many rows and how many rounds, and rows of 16 numbers. Sorts all rows in each round and makes
// new rows of the sorted ones between two rounds, so that no round can be left out. Writes the sorted rows of the last.
#include <cstdint>
#include <cstdio>
#include <vector>

void sort16(std::uint32_t* a);

int main() {
    std::uint32_t head[2];
    if (std::fread(head, sizeof(std::uint32_t), 2, stdin) != 2) return 2;
    const std::uint32_t rows = head[0], rounds = head[1];
    std::vector<std::uint32_t> data(std::size_t(rows) * 16);
    if (std::fread(data.data(), sizeof(std::uint32_t), data.size(), stdin) != data.size()) return 2;
    for (std::uint32_t round = 0; round < rounds; round++) {
        if (round > 0)
            for (std::size_t k = 0; k < data.size(); k++)
                data[k] = (data[k] ^ (data[k] >> 15)) * 0x2C1B3C6Du + std::uint32_t(k % 16 + round) * 0x9E3779B9u;
        for (std::uint32_t row = 0; row < rows; row++) sort16(&data[std::size_t(row) * 16]);
    }
    return std::fwrite(data.data(), sizeof(std::uint32_t), data.size(), stdout) == data.size() ? 0 : 2;
}
