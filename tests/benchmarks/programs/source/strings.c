/* Fills, copies, searches and compares a text of 1000 bytes `size` times, with the string instructions. */
#define FROM ((char *)0x200000)
#define TO ((char *)0x210000)

unsigned run(unsigned size)
{
    unsigned sum = 0;
    while (size--) {
        char *to = FROM, *from;
        unsigned count = 1000;
        __asm__ volatile("rep stosb" : "+D"(to), "+c"(count) : "a"('a' + size % 7) : "memory");
        FROM[size % 1000] = 'z';
        from = FROM, to = TO, count = 250;
        __asm__ volatile("rep movsl" : "+S"(from), "+D"(to), "+c"(count) : : "memory");
        to = TO, count = 1000;
        __asm__ volatile("repne scasb" : "+D"(to), "+c"(count) : "a"('z') : "memory", "cc");
        sum += count;
        TO[999 - size % 500] = '!';
        from = FROM, to = TO, count = 1000;
        __asm__ volatile("repe cmpsb" : "+S"(from), "+D"(to), "+c"(count) : : "memory", "cc");
        sum = sum * 5 + count;
    }
    return sum;
}
