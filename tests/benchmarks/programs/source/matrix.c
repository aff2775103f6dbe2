/* The sum of the product of two matrices of `size` rows and columns. */
#define A ((int *)0x200000)
#define B ((int *)0x240000)

unsigned run(unsigned size)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < size * size; i++) {
        A[i] = i * 7 - 3;
        B[i] = 11 - i * 5;
    }
    for (unsigned i = 0; i < size; i++)
        for (unsigned j = 0; j < size; j++) {
            int cell = 0;
            for (unsigned k = 0; k < size; k++)
                cell += A[i * size + k] * B[k * size + j];
            sum = sum * 3 + cell;
        }
    return sum;
}
