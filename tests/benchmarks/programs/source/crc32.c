/* The CRC-32 of `size` bytes of a linear congruential generator, by a table. */
#define BUFFER ((unsigned char *)0x200000)
#define TABLE ((unsigned *)0x1F0000)

unsigned run(unsigned size)
{
    unsigned random = 1, crc = ~0u;
    for (unsigned i = 0; i < 256; i++) {
        unsigned entry = i;
        for (int bit = 0; bit < 8; bit++)
            entry = entry & 1 ? entry >> 1 ^ 0xEDB88320u : entry >> 1;
        TABLE[i] = entry;
    }
    for (unsigned i = 0; i < size; i++) {
        random = random * 1103515245u + 12345u;
        BUFFER[i] = random >> 16;
    }
    for (unsigned i = 0; i < size; i++)
        crc = TABLE[(crc ^ BUFFER[i]) & 255] ^ crc >> 8;
    return ~crc;
}
