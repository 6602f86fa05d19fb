"""The inner loops in C, once in plain C99 and once for the two multipliers of Cortex-M4 and M7.

Bytes hold numbers moved by 128, which loads without a sign need: whoever calls a kernel subtracts
128 times the sum of the other factor. `@` stands for the network's name. Integer sums are the same
in any order, so all forms of a kernel give the same bits. On cores that have no signed load with
an immediate offset (ARMv6-M), rows of factors are held in 32 bits.
"""

PLACES = """
#if defined(__ARM_ARCH_6M__)
typedef int32_t @_row;
#else
typedef int16_t @_row;
#endif
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && defined(__GNUC__) && \
    !defined(__ARM_BIG_ENDIAN)
#include <arm_acle.h>
#define @_pairs 1

/* Four numbers of 16 bits, and the pointer moved behind them. */
#define @_four(row, even, odd) \
    __asm__ volatile("ldrd %0, %1, [%2], #8" : "=&r"(even), "=&r"(odd), "+r"(row) : : "memory")

#define @_place(i) ((i) ^ (((i) ^ (i) >> 1) & 1) * 3)
#else
#define @_place(i) (i)
#endif
"""

DOWN = """
/* Division by 2^bits that rounds down; C99 leaves open what >> makes of negative numbers. */
static int32_t @_down(int32_t value, unsigned bits)
{
    return value < 0 ? ~(~value >> bits) : value >> bits;
}
"""

RESCALED = """
typedef struct {
    uint32_t multiplier;
    int32_t start;
    uint8_t shift;
} @_ratio;

/* value * multiplier / 2^(32 + shift), rounded down; multipliers are even and below 2^31. */
static int32_t @_rescaled(int32_t value, const @_ratio *ratio)
{
    const uint32_t moved = (uint32_t)value ^ 0x80000000U, multiplier = ratio->multiplier;
#if defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_8M_BASE__)
    const uint32_t low = moved & 0xffffU, high = moved >> 16;
    const uint32_t less = multiplier & 0xffffU, more = multiplier >> 16;
    const uint32_t middle = high * less + (low * less >> 16);
    const uint32_t word = high * more + (middle >> 16) + (((middle & 0xffffU) + low * more) >> 16);
#else
    const uint32_t word = (uint32_t)((uint64_t)moved * multiplier >> 32);
#endif
    return @_down((int32_t)word - (int32_t)(multiplier >> 1), ratio->shift);
}
"""

WIDEN_I8 = """
/* Writes a row of a factor as 16 bits; returns its sum. */
static int32_t @_widen(const uint8_t *w, size_t n, @_row *row)
{
    int32_t sum = 0;
    size_t i = 0;
#ifdef @_pairs
    for (; i + 4 <= n; i += 4) {
        uint32_t word;
        int32_t even, odd;
        __builtin_memcpy(&word, w + i, 4);
        even = __ssub16((int32_t)(word & 0x00ff00ffU), 0x00800080);
        odd = __ssub16((int32_t)(word >> 8 & 0x00ff00ffU), 0x00800080);
        sum = __smlad(odd, 0x00010001, __smlad(even, 0x00010001, sum));
        __builtin_memcpy(row + i, &even, 4);
        __builtin_memcpy(row + i + 2, &odd, 4);
    }
#endif
    for (; i < n; i++) {
        const int32_t value = (int32_t)w[i] - 128;
        sum += value;
        row[@_place(i)] = (@_row)value;
    }
    return sum;
}
"""

WIDEN_I4 = """
/* Writes a row of a factor as 16 bits, 16 times as large as it is; returns its sum. */
static int32_t @_widen(const uint8_t *w, size_t n, @_row *row)
{
    int32_t sum = 0;
    size_t i;
    for (i = 0; i < n; i++) {
        const uint32_t two = w[i >> 1];
        const int32_t value = (int32_t)((i & 1 ? two << 4 : two) & 0xf0U) - 128;
        sum += value;
        row[@_place(i)] = (@_row)value;
    }
    return sum;
}
"""

PRODUCTS_8 = """
#ifdef @_pairs
/* The second and the fourth byte; no intrinsic rotates and extends in one instruction. */
static int32_t @_odd(uint32_t word)
{
    int32_t pair;
    __asm__("uxtb16 %0, %1, ror #8" : "=r"(pair) : "r"(word));
    return pair;
}
#endif

/* sums[r] = sum of a[r * n + i] * row[i]; one sum more may be written. */
static void @_products(const uint8_t *a, size_t rows, size_t n, const @_row *row, int32_t *sums)
{
#if defined(@_pairs)
    const @_row *const end = row + (n & ~(size_t)3);
    for (;;) {
        const uint8_t *second = rows > 1 ? a + n : a;
        int32_t one = 0, two = 0;
        if (row != end) {
            do {
                int32_t even, odd;
                uint32_t word;
                @_four(row, even, odd);
                __builtin_memcpy(&word, a, 4);
                a += 4;
                one = __smlad((int32_t)__uxtb16(word), even, one);
                one = __smlad(@_odd(word), odd, one);
                __builtin_memcpy(&word, second, 4);
                second += 4;
                two = __smlad((int32_t)__uxtb16(word), even, two);
                two = __smlad(@_odd(word), odd, two);
            } while (row != end);
        }
        __asm__("" : "+r"(n)); /* what follows from it is not worth a register of the loop */
        if ((n & 3) != 0) {
            size_t i = 0;
            do {
                const int32_t value = end[@_place(i)];
                one += *a++ * value;
                two += *second++ * value;
            } while (++i != (n & 3));
        }
        row -= n & ~(size_t)3;
        *sums++ = one;
        *sums++ = two;
        if (rows <= 2) {
            break;
        }
        rows -= 2;
        a = second;
    }
#elif defined(__ARM_ARCH_6M__)
    for (; rows > 0; rows--) {
        const @_row *b = row, *const end = row + (n & ~(size_t)3);
        int32_t sum = 0;
        size_t i;
        for (; b != end; a += 4, b += 4) {
            sum += a[0] * b[0];
            sum += a[1] * b[1];
            sum += a[2] * b[2];
            sum += a[3] * b[3];
        }
        for (i = n & 3; i > 0; i--) {
            sum += *a++ * *b++;
        }
        *sums++ = sum;
    }
#else
    size_t left;
    for (left = (rows + 1) / 2; left > 0; left--) {
        const uint8_t *second = left == 1 && rows % 2 ? a : a + n;
        const @_row *b = row, *const end = row + n;
        int32_t one = 0, two = 0;
        while (b != end) {
            const int32_t value = *b++;
            one += *a++ * value;
            two += *second++ * value;
        }
        *sums++ = one;
        *sums++ = two;
        a = second;
    }
#endif
}
"""

PRODUCTS_4 = """
/* The same of factors with two numbers in a byte, 16 times as large as they are. */
static void @_products4(const uint8_t *a, size_t rows, size_t n, const @_row *row, int32_t *sums)
{
    for (; rows > 0; rows--) {
        int32_t sum = 0;
        size_t i = 0;
#ifdef @_pairs
        const @_row *b = row, *const end = row + (n & ~(size_t)3);
        for (; b != end; i += 4) {
            int32_t even, odd;
            uint32_t two;
            uint16_t both;
            @_four(b, even, odd);
            __builtin_memcpy(&both, a, 2);
            a += 2;
            two = both | (uint32_t)both << 8;
            sum = __smlad((int32_t)(two & 0x00f000f0U), even, sum);
            sum = __smlad((int32_t)(two << 4 & 0x00f000f0U), odd, sum);
        }
#endif
        for (; i + 1 < n; i += 2) {
            const uint32_t two = *a++;
            sum += (int32_t)(two & 0xf0U) * row[@_place(i)];
            sum += (int32_t)(two << 4 & 0xf0U) * row[@_place(i + 1)];
        }
        if (i < n) {
            sum += (int32_t)(*a++ & 0xf0U) * row[@_place(i)];
        }
        *sums++ = sum;
    }
}
"""

PRODUCTS_16 = """
/* The same of numbers of 16 bits, which are not moved. */
static void @_products16(const int16_t *a, size_t rows, size_t n, const @_row *row, int32_t *sums)
{
    for (; rows > 0; rows--) {
        int32_t sum = 0;
        size_t i = 0;
#ifdef @_pairs
        for (; i + 4 <= n; i += 4, a += 4) {
            uint32_t first, second;
            int32_t even, odd;
            __builtin_memcpy(&even, row + i, 4);
            __builtin_memcpy(&odd, row + i + 2, 4);
            __builtin_memcpy(&first, a, 4);
            __builtin_memcpy(&second, a + 2, 4);
            sum = __smlad((int32_t)((first & 0xffffU) | second << 16), even, sum);
            sum = __smlad((int32_t)(first >> 16 | (second & 0xffff0000U)), odd, sum);
        }
#endif
        for (; i < n; i++) {
            sum += (int32_t)*a++ * row[@_place(i)];
        }
        *sums++ = sum;
    }
}
"""

ACTIVATION = """
typedef struct {
    @_ratio ratio;
    int32_t zero; /* with what rounds to nearest */
    const uint16_t *table;
    uint8_t name, step, fine;
} @_activation;
"""

ACTIVATE = """
/* What the next layer takes of a sum. */
static @_value @_activate(const @_activation *f, int32_t sum)
{
    int32_t p = @_rescaled(sum + f->ratio.start, &f->ratio);
@FUNCTIONS    p += f->zero;
    if (p < 0) {
        p = 0;
    }
    p = p >> f->fine;
    return @RESULT;
}
"""

TABLED = """\
        const uint32_t reach = (64U << f->step) - 1, one = 1U << f->step;
        uint32_t u = (uint32_t)(p < 0 ? -p : p), rest;
        const uint16_t *d = f->table;
        if (u > reach) {
            u = reach;
        }
        rest = u & (one - 1);
        d += u >> f->step;
        u = (d[0] * (one - rest) + d[1] * rest + (one >> 1)) >> f->step;
"""
