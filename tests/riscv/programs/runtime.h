/* What the programs share: the console, CSRs, and telling how a function at a level ended. */
#pragma once

typedef unsigned long word;
typedef unsigned char byte;

enum { U = 0, S = 1, M = 3 };

struct seen {
  word cause, pc, value, status, level, returned;
};

extern volatile struct seen seen;
extern word user_offset;

void run_at(word level, void (*function)(word), word argument);
void leave(int code);

#define XLEN (8 * (int)sizeof(word))
#define INTERRUPT ((word)1 << (XLEN - 1))
#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)
#define READ(csr) ({ word _value; asm volatile("csrr %0, " TEXT(csr) : "=r"(_value)); _value; })
#define WRITE(csr, value) asm volatile("csrw " TEXT(csr) ", %0" : : "r"((word)(value)) : "memory")
#define SET(csr, value) asm volatile("csrs " TEXT(csr) ", %0" : : "r"((word)(value)) : "memory")
#define CLEAR(csr, value) asm volatile("csrc " TEXT(csr) ", %0" : : "r"((word)(value)) : "memory")

static volatile byte *const console = (byte *)0x10000000;
static volatile unsigned *const software_interrupt = (unsigned *)0x2000000;
static volatile unsigned *const timer_compare = (unsigned *)0x2004000;
static volatile unsigned *const timer = (unsigned *)0x200bff8;

static inline void print(const char *text) {
  while (*text)
    *console = *text++;
}

static inline void print_number(word number) {
  int shift = XLEN - 4;
  while (shift && !(number >> shift))
    shift -= 4;
  for (; shift >= 0; shift -= 4)
    *console = "0123456789abcdef"[number >> shift & 15];
}

static inline const char *level_name(word level) { return level == M ? "M" : level == S ? "S" : "U"; }

/* Runs a function at a level, and prints where it trapped to and why, and at which of its bytes. */
static inline void tell(const char *what, word level, void (*function)(word), word argument) {
  word start = (word)function + (level == U ? user_offset : 0);
  run_at(level, (void (*)(word))start, argument);
  print(what);
  print(" in ");
  print(level_name(level));
  print(": ");
  if (seen.returned == 1) {
    print("no trap\n");
    return;
  }
  print(level_name(seen.level));
  print(seen.cause & INTERRUPT ? " interrupt " : " cause ");
  print_number(seen.cause & ~INTERRUPT);
  if (!(seen.cause & INTERRUPT)) {
    print(" at ");
    print_number(seen.pc - start);
    print(" value ");
    print_number(seen.value);
  }
  print(" from ");
  print(level_name(seen.level == M ? seen.status >> 11 & 3 : seen.status >> 8 & 1));
  print("\n");
}

/* A function of one instruction, so that its trap is at byte 0. */
#define ONE(name, ...) \
  __attribute__((naked)) static void name(word argument) { asm volatile(__VA_ARGS__ "\n\tret"); }

/* The first two entries of PMP have these eight bits each; entry 3, where they do not match, opens all of memory. */
static inline void protect(word entries) { WRITE(pmpcfg0, (word)0x1f << 24 | entries); }

static inline void open_memory(void) {
  WRITE(pmpaddr3, XLEN == 64 ? (word)-1 >> 10 : (word)-1);
  protect(0);
}
