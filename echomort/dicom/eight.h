/* Eight values of 32 bits side by side: one register, or several on a processor with narrower ones. */

#include <stdint.h>

typedef float Eight __attribute__((vector_size(32)));
typedef int32_t EightWhole __attribute__((vector_size(32)));
typedef int16_t EightShort __attribute__((vector_size(16)));
typedef uint8_t EightBytes __attribute__((vector_size(8)));

#ifdef __clang__
#define PICK(one, other, ...) __builtin_shufflevector(one, other, __VA_ARGS__)
#else
#define PICK(one, other, ...) __builtin_shuffle(one, other, (EightWhole){__VA_ARGS__})
#endif

/* Turns each four of `count` rows into columns, of the left half of the rows and of the right. */
#define TRANSPOSE_FOURS(rows, count)                                                                                   \
    do {                                                                                                               \
        __typeof__(rows[0]) pairs[count];                                                                              \
        for (int i = 0; i < count; i += 2) {                                                                           \
            pairs[i] = PICK(rows[i], rows[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);                                           \
            pairs[i + 1] = PICK(rows[i], rows[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);                                     \
        }                                                                                                              \
        for (int i = 0; i < count; i += 4)                                                                             \
            for (int k = 0; k < 2; k++) {                                                                              \
                rows[i + 2 * k] = PICK(pairs[i + k], pairs[i + 2 + k], 0, 1, 8, 9, 4, 5, 12, 13);                      \
                rows[i + 2 * k + 1] = PICK(pairs[i + k], pairs[i + 2 + k], 2, 3, 10, 11, 6, 7, 14, 15);                \
            }                                                                                                          \
    } while (0)

/* Turns eight rows of eight, an array of either type, into columns. */
#define TRANSPOSE(rows)                                                                                                \
    do {                                                                                                               \
        TRANSPOSE_FOURS(rows, 8);                                                                                      \
        for (int i = 0; i < 4; i++) {                                                                                  \
            __typeof__(rows[0]) left = rows[i];                                                                        \
            rows[i] = PICK(left, rows[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);                                               \
            rows[i + 4] = PICK(left, rows[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);                                         \
        }                                                                                                              \
    } while (0)
