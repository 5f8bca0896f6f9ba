/* gemm_kernel.h - a product of matrices for one set of instructions and one type; included once for each.
 *
 * The order of every element's sum is that of ops/matmul.c; rows, columns and their tiles are cut freely,
 * since each element has a chain of its own.
 *
 * The includer defines
 *   GEMM              the function's name
 *   REAL, VEC, LANES  the type, a vector of it, and how many it holds
 *   SIMD              the attribute that allows the instructions
 *   V(op)             the intrinsic for vectors, V(add)
 *   MASK, first_REAL  the first n lanes (none where n < 0, all where n > LANES)
 *   LOAD, STORE       of masked lanes; others are 0, or left alone
 *   halves_REAL       the sum of a vector, joined by halves
 *   ROWS              of the largest tile, 4 or 8 */
#define PASTE_(a, b) a##_##b
#define PASTE(a, b)  PASTE_(a, b)
#define NAME(x)      PASTE(x, REAL)

#ifndef GEMM_ONCE
#define GEMM_ONCE

#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
#define INLINE static inline __attribute__((always_inline)) SIMD

enum { VECS = 3, ROW_VECS = 8 }; /* vectors across a tile, and across one of a single row */

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static inline int64_t parts(int64_t n, int64_t most) { return (n + most - 1) / most; }

/* A block of the sum over k, for one tile. */
typedef struct tile_call {
    const void *a, *b;
    void *y;
    int64_t sa_row, sa_k, sb, sy, depth;
    int64_t last; /* columns of the last vector */
    bool first;   /* block: y has no sum yet */
} tile_call;

/* Four rows of four elements, `step` apart, become four columns. */
static inline SIMD void transpose_float(float *to, int64_t width, const float *from, int64_t step)
{
    __m128 a = _mm_loadu_ps(from), b = _mm_loadu_ps(from + step);
    __m128 c = _mm_loadu_ps(from + 2 * step), d = _mm_loadu_ps(from + 3 * step);
    _MM_TRANSPOSE4_PS(a, b, c, d);
    _mm_storeu_ps(to, a);
    _mm_storeu_ps(to + width, b);
    _mm_storeu_ps(to + 2 * width, c);
    _mm_storeu_ps(to + 3 * width, d);
}

static inline SIMD void transpose_double(double *to, int64_t width, const double *from, int64_t step)
{
    __m256d a = _mm256_loadu_pd(from), b = _mm256_loadu_pd(from + step);
    __m256d c = _mm256_loadu_pd(from + 2 * step), d = _mm256_loadu_pd(from + 3 * step);
    __m256d ab0 = _mm256_unpacklo_pd(a, b), ab1 = _mm256_unpackhi_pd(a, b);
    __m256d cd0 = _mm256_unpacklo_pd(c, d), cd1 = _mm256_unpackhi_pd(c, d);
    _mm256_storeu_pd(to, _mm256_permute2f128_pd(ab0, cd0, 0x20));
    _mm256_storeu_pd(to + width, _mm256_permute2f128_pd(ab1, cd1, 0x20));
    _mm256_storeu_pd(to + 2 * width, _mm256_permute2f128_pd(ab0, cd0, 0x31));
    _mm256_storeu_pd(to + 3 * width, _mm256_permute2f128_pd(ab1, cd1, 0x31));
}

#endif

/* --- tiles --- */

INLINE void NAME(tile)(const int rows, const int vecs, const tile_call *t)
{
    VEC sum[ROWS][ROW_VECS];
    const REAL *a = t->a, *b = t->b;
    const int64_t sa_row = t->sa_row, sa_k = t->sa_k, sb = t->sb;
    const MASK last = NAME(first)(t->last);
    UNROLL for (int i = 0; i < rows; i++) UNROLL for (int v = 0; v < vecs; v++) sum[i][v] = V(setzero)();
    for (int64_t k = 0; k < t->depth; k++, a += sa_k, b += sb) {
        VEC bk[ROW_VECS];
        UNROLL for (int v = 0; v < vecs - 1; v++) bk[v] = V(loadu)(b + v * LANES);
        bk[vecs - 1] = LOAD(b + (vecs - 1) * LANES, last);
        UNROLL for (int i = 0; i < rows; i++)
        {
            VEC ak = V(set1)(a[i * sa_row]);
            UNROLL for (int v = 0; v < vecs; v++) sum[i][v] = V(fmadd)(ak, bk[v], sum[i][v]);
        }
    }
    const MASK all = NAME(first)(LANES);
    UNROLL for (int i = 0; i < rows; i++)
    {
        REAL *y = (REAL *)t->y + i * t->sy;
        UNROLL for (int v = 0; v < vecs; v++)
        {
            const MASK m = v < vecs - 1 ? all : last;
            VEC before = t->first ? V(setzero)() : LOAD(y + v * LANES, m);
            STORE(y + v * LANES, m, V(add)(before, sum[i][v]));
        }
    }
}

#define TILE(r, v) \
    static SIMD void NAME(tile_##r##_##v)(const tile_call *t) { NAME(tile)(r, v, t); }
#define TILES(r) TILE(r, 1) TILE(r, 2) TILE(r, 3)

TILES(1)
TILE(1, 4)
TILE(1, 5)
TILE(1, 6)
TILE(1, 7)
TILE(1, 8)
TILES(2)
TILES(3)
TILES(4)
#if ROWS == 8
TILES(5)
TILES(6)
TILES(7)
TILES(8)
#endif

#define ROW_OF_TILES(r) NAME(tile_##r##_1), NAME(tile_##r##_2), NAME(tile_##r##_3)

static void (*const NAME(tiles)[ROWS][ROW_VECS])(const tile_call *t) = {
    {ROW_OF_TILES(1), NAME(tile_1_4), NAME(tile_1_5), NAME(tile_1_6), NAME(tile_1_7), NAME(tile_1_8)},
    {ROW_OF_TILES(2)},
    {ROW_OF_TILES(3)},
    {ROW_OF_TILES(4)},
#if ROWS == 8
    {ROW_OF_TILES(5)},
    {ROW_OF_TILES(6)},
    {ROW_OF_TILES(7)},
    {ROW_OF_TILES(8)},
#endif
};

/* --- four columns or more --- */

/* How many vectors the next panel has: as even as whole vectors allow. */
static SIMD int64_t NAME(panel)(int64_t columns, int64_t most)
{
    const int64_t vecs = parts(columns, LANES);
    return parts(vecs, parts(vecs, most));
}

/* Copies the first `used` columns of b to rows of `width`. */
static SIMD void NAME(pack_panel)(REAL *to, int64_t width, const REAL *b, const int64_t *sb, int64_t depth,
                                  int64_t used)
{
    int64_t k = 0;
    for (; sb[0] == 1 && k + 4 <= depth; k += 4) {
        int64_t j = 0;
        for (; j + 4 <= used; j += 4) NAME(transpose)(to + k * width + j, width, b + k + j * sb[1], sb[1]);
        for (; j < used; j++)
            for (int64_t l = k; l < k + 4; l++) to[l * width + j] = b[l + j * sb[1]];
    }
    for (; k < depth; k++) {
        const REAL *from = b + k * sb[0];
        if (sb[1] == 1)
            memcpy(to + k * width, from, (size_t)used * sizeof *to);
        else
            for (int64_t j = 0; j < used; j++) to[k * width + j] = from[j * sb[1]];
    }
}

/* Copies columns of b to `room`, panel by panel. */
static SIMD void NAME(pack)(REAL *room, const REAL *b, const int64_t *sb, int64_t depth, int64_t columns,
                            int64_t most)
{
    for (int64_t column = 0, width; column < columns; column += width) {
        width = NAME(panel)(columns - column, most) * LANES;
        NAME(pack_panel)
        (room + column * depth, width, b + column * sb[1], sb, depth, least(width, columns - column));
    }
}

/* All rows of a block of k and of columns. */
static SIMD void NAME(block)(const tp_gemm *g, const REAL *a, const REAL *b, REAL *y, int64_t depth,
                             int64_t columns, bool first)
{
    const int64_t most = g->m == 1 ? ROW_VECS : VECS;
    const bool packed = g->room != NULL;
    if (packed) NAME(pack)(g->room, b, g->sb, depth, columns, most);
    /* rows of a that lie across k are far from each other, and read for each panel again */
    const bool across = g->sa[0] == 1 && g->sa[1] > ROWS && columns > 2 * most * LANES;
    tile_call t = {
        .sa_row = g->sa[0], .sa_k = across ? ROWS : g->sa[1], .sy = g->sy, .depth = depth, .first = first};
    for (int64_t i = 0, rows, tiles = parts(g->m, ROWS); tiles > 0; i += rows, tiles--) {
        rows = parts(g->m - i, tiles);
        const REAL *ai = a + i * g->sa[0];
        REAL tile[ROWS * TP_GEMM_BLOCK];
        if (across) {
            for (int64_t k = 0; k < depth; k++)
                for (int64_t r = 0; r < rows; r++) tile[k * ROWS + r] = ai[k * g->sa[1] + r];
            ai = tile;
        }
        for (int64_t column = 0, vecs; column < columns; column += vecs * LANES) {
            vecs = NAME(panel)(columns - column, most);
            t.a = ai;
            t.b = packed ? (const REAL *)g->room + column * depth : b + column;
            t.sb = packed ? vecs * LANES : g->sb[0];
            t.y = y + i * g->sy + column;
            t.last = least(LANES, columns - column - (vecs - 1) * LANES);
            NAME(tiles)[rows - 1][vecs - 1](&t);
        }
    }
}

static SIMD void NAME(wide)(const tp_gemm *g)
{
    for (int64_t k = 0; k < g->k; k += TP_GEMM_BLOCK) {
        const REAL *a = (const REAL *)g->a + k * g->sa[1], *b = (const REAL *)g->b + k * g->sb[0];
        const int64_t depth = least(TP_GEMM_BLOCK, g->k - k);
        for (int64_t j = 0; j < g->n; j += TP_GEMM_COLUMNS) NAME(block)
        (g, a, b + j * g->sb[1], (REAL *)g->y + j, depth, least(TP_GEMM_COLUMNS, g->n - j), k == 0);
    }
}

/* --- fewer columns: 16 chains --- */

/* A block's sums for `rows` rows that lie along k; `b` ends in zeros, to a whole number of chains. What is
 * added past the end is +0, which can change the sign of a zero alone, and the first block is added to +0. */
INLINE void NAME(along)(const int rows, const REAL *a, int64_t sa, const REAL *b, int64_t depth, REAL *sum)
{
    enum { SPAN = TP_GEMM_CHAINS / LANES, MOST = 8 };
    VEC chain[MOST][SPAN];
    UNROLL for (int i = 0; i < rows; i++) UNROLL for (int v = 0; v < SPAN; v++) chain[i][v] = V(setzero)();
    int64_t k = 0;
    for (; k + TP_GEMM_CHAINS <= depth; k += TP_GEMM_CHAINS) UNROLL for (int v = 0; v < SPAN; v++)
        {
            VEC bk = V(loadu)(b + k + v * LANES);
            UNROLL for (int i = 0; i < rows; i++) chain[i][v] =
                V(fmadd)(V(loadu)(a + i * sa + k + v * LANES), bk, chain[i][v]);
        }
    UNROLL for (int v = 0; v < SPAN; v++)
    {
        MASK rest = NAME(first)(depth - k - v * LANES);
        VEC bk = LOAD(b + k + v * LANES, rest);
        UNROLL for (int i = 0; i < rows; i++) chain[i][v] =
            V(fmadd)(LOAD(a + i * sa + k + v * LANES, rest), bk, chain[i][v]);
    }
    UNROLL for (int i = 0; i < rows; i++)
    {
        UNROLL for (int half = SPAN / 2; half > 0; half /= 2) UNROLL for (int v = 0; v < half; v++)
            chain[i][v] = V(add)(chain[i][v], chain[i][v + half]);
        sum[i] = NAME(halves)(chain[i][0]);
    }
}

/* The same for as many rows as a vector holds, that lie one after another. */
INLINE void NAME(across)(MASK some, const REAL *a, int64_t sa, const REAL *b, int64_t depth, REAL *sum)
{
    VEC chain[TP_GEMM_CHAINS];
    UNROLL for (int l = 0; l < TP_GEMM_CHAINS; l++) chain[l] = V(setzero)();
    int64_t k = 0;
    for (; k + TP_GEMM_CHAINS <= depth; k += TP_GEMM_CHAINS)
        UNROLL for (int l = 0; l < TP_GEMM_CHAINS; l++) chain[l] =
            V(fmadd)(LOAD(a + (k + l) * sa, some), V(set1)(b[k + l]), chain[l]);
    UNROLL for (int l = 0; l < TP_GEMM_CHAINS; l++) if (k + l < depth) chain[l] =
        V(fmadd)(LOAD(a + (k + l) * sa, some), V(set1)(b[k + l]), chain[l]);
    UNROLL for (int half = TP_GEMM_CHAINS / 2; half > 0; half /= 2) UNROLL for (int l = 0; l < half; l++)
        chain[l] = V(add)(chain[l], chain[l + half]);
    V(storeu)(sum, chain[0]);
}

/* The sums of a block for the next rows; returns how many. */
static SIMD int64_t NAME(next_rows)(const tp_gemm *g, const REAL *a, int64_t left, const REAL *b,
                                    int64_t depth, REAL *sum)
{
    enum { TOGETHER = LANES / 2 }; /* so many fit into the registers */
    if (g->sa[0] == 1 && g->sa[1] != 1) {
        NAME(across)(NAME(first)(left), a, g->sa[1], b, depth, sum);
        return least(left, LANES);
    }
    if (g->sa[1] == 1 && left >= TOGETHER) {
        NAME(along)(TOGETHER, a, g->sa[0], b, depth, sum);
        return TOGETHER;
    }
    REAL row[TP_GEMM_BLOCK];
    for (int64_t k = 0; g->sa[1] != 1 && k < depth; k++) row[k] = a[k * g->sa[1]];
    NAME(along)(1, g->sa[1] == 1 ? a : row, 0, b, depth, sum);
    return 1;
}

static SIMD void NAME(narrow)(const tp_gemm *g)
{
    REAL column[TP_GEMM_BLOCK], sum[LANES];
    for (int64_t k = 0; k < g->k; k += TP_GEMM_BLOCK) {
        const int64_t depth = least(TP_GEMM_BLOCK, g->k - k);
        for (int64_t j = 0; j < g->n; j++) {
            const REAL *a = (const REAL *)g->a + k * g->sa[1];
            const REAL *b = (const REAL *)g->b + k * g->sb[0] + j * g->sb[1];
            REAL *y = (REAL *)g->y + j;
            for (int64_t l = 0; l < depth; l++) column[l] = b[l * g->sb[0]];
            for (int64_t i = 0, rows; i < g->m; i += rows) {
                rows = NAME(next_rows)(g, a + i * g->sa[0], g->m - i, column, depth, sum);
                for (int64_t r = 0; r < rows; r++) {
                    REAL *at = y + (i + r) * g->sy;
                    *at = (k ? *at : 0) + sum[r];
                }
            }
        }
    }
}

/* --- all --- */

SIMD void GEMM(const tp_gemm *g)
{
    if (g->k == 0)
        for (int64_t i = 0; i < g->m; i++)
            for (int64_t j = 0; j < g->n; j++) ((REAL *)g->y)[i * g->sy + j] = 0;
    (g->n < TP_GEMM_NARROW ? NAME(narrow) : NAME(wide))(g);
}

#undef GEMM
#undef REAL
#undef LANES
#undef VEC
#undef V
#undef LOAD
#undef STORE
#undef NAME
#undef PASTE
#undef PASTE_
#undef TILE
#undef TILES
#undef ROW_OF_TILES
