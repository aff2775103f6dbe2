/* The number of primes below `size`, by the sieve of Eratosthenes. */
#define SIEVE ((unsigned char *)0x200000)

unsigned run(unsigned size)
{
    unsigned count = 0;
    for (unsigned i = 0; i < size; i++)
        SIEVE[i] = 1;
    for (unsigned i = 2; i < size; i++) {
        if (!SIEVE[i])
            continue;
        count++;
        for (unsigned j = 2 * i; j < size; j += i)
            SIEVE[j] = 0;
    }
    return count;
}
