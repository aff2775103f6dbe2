/* A mix in the manner of Dhrystone: records, lists, comparison of texts, calls through pointers, division. */
struct record { struct record *next; unsigned kind, value; char name[20]; };
#define RECORDS ((struct record *)0x200000)

static const char names[4][20] = {"first of the names", "second of the names", "third one", "fourth"};

static unsigned add(unsigned a, unsigned b) { return a + b; }
static unsigned scale(unsigned a, unsigned b) { return a * 3 + b; }
static unsigned part(unsigned a, unsigned b) { return a / (b % 17 + 1); }
static unsigned (*const work[3])(unsigned, unsigned) = {add, scale, part};

static int same(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

unsigned run(unsigned size)
{
    unsigned sum = 1;
    for (unsigned round = 0; round < size; round++) {
        struct record *head = 0;
        for (unsigned i = 0; i < 8; i++) {
            struct record *made = &RECORDS[i];
            made->next = head, made->kind = (round + i) % 3, made->value = sum ^ i;
            for (unsigned c = 0; c < 20; c++)
                made->name[c] = names[i % 4][c];
            head = made;
        }
        for (struct record *at = head; at; at = at->next) {
            sum = work[at->kind](sum, at->value);
            if (same(at->name, names[round % 4]))
                sum += 7;
        }
    }
    return sum;
}
