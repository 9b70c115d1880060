// The product of two square matrices, all of them row by row.

// EVOLVE-BLOCK-START
constexpr int ROWS = 4;     // of a tile of a
constexpr int INNER = 4;    // columns of that tile, and rows of the tile of b
constexpr int COLUMNS = 4;  // of the tile of b

static int least(int x, int y) { return x < y ? x : y; }

// c holds zeros before, and a * b after.
void multiply(const float* a, const float* b, float* c, int n) {
    for (int top = 0; top < n; top += ROWS)
        for (int from = 0; from < n; from += INNER)
            for (int left = 0; left < n; left += COLUMNS)
                for (int i = top; i < least(top + ROWS, n); i++)
                    for (int k = from; k < least(from + INNER, n); k++)
                        for (int j = left; j < least(left + COLUMNS, n); j++)
                            c[i * n + j] += a[i * n + k] * b[k * n + j];
}
// EVOLVE-BLOCK-END
