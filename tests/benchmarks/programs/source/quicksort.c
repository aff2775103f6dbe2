/* Sorts `size` random words; the sum of each times its position. */
#define WORDS ((unsigned *)0x200000)

static void sort(unsigned *low, unsigned *high)
{
    while (low < high) {
        unsigned pivot = low[(high - low) / 2], *left = low, *right = high;
        while (left <= right) {
            while (*left < pivot)
                left++;
            while (*right > pivot)
                right--;
            if (left <= right) {
                unsigned kept = *left;
                *left++ = *right;
                *right-- = kept;
            }
        }
        sort(low, right);
        low = left;
    }
}

unsigned run(unsigned size)
{
    unsigned random = 1, sum = 0;
    for (unsigned i = 0; i < size; i++) {
        random = random * 1103515245u + 12345u;
        WORDS[i] = random >> 8;
    }
    sort(WORDS, WORDS + size - 1);
    for (unsigned i = 0; i < size; i++)
        sum += i * WORDS[i];
    return sum;
}
