/* Sv39 or Sv32: rights of pages, SUM, MXR, accessed and dirty bits, faults of tables, large pages, MPRV. */
#include "runtime.h"

enum { V = 1, R = 2, W = 4, X = 8, USER = 16, A = 64, D = 128 };
#if __riscv_xlen == 64
enum { INDEX_BITS = 9 };
#define MODE ((word)8 << 60)
#else
enum { INDEX_BITS = 10 };
#define MODE ((word)1 << 31)
#endif
#define ENTRIES (1 << INDEX_BITS)
#define SUM (1 << 18)
#define MXR (1 << 19)

/* Tables by level, the root last; memory on itself, and once more 0x40000000 bytes on for user mode. */
static word table[ENTRIES] __attribute__((aligned(4096)));
#if __riscv_xlen == 64
static word middle[ENTRIES] __attribute__((aligned(4096)));
#endif
static word root[ENTRIES] __attribute__((aligned(4096)));
static unsigned page[1024] __attribute__((aligned(4096)));

/* The virtual address of table[0]'s page. */
#define WINDOW ((word)0x40000000)

ONE(load, "lw a0, 0(a0)")
ONE(store, "sw a0, 0(a0)")
ONE(jump, "jr a0")
ONE(add, "amoadd.w a0, zero, (a0)")

static word entry(void *to, word rights) { return ((word)to >> 12 << 10) | rights; }

static void map(word rights) {
  table[0] = entry(page, rights);
  asm volatile("sfence.vma" : : : "memory");
}

static void both(const char *what, word rights) {
  print(what);
  print("\n");
  map(rights);
  tell("load", U, load, WINDOW);
  tell("store", U, store, WINDOW);
  tell("load", S, load, WINDOW);
  tell("store", S, store, WINDOW);
}

static void build(void) {
  word kernel = V | R | W | X | A | D, user = kernel | USER;
#if __riscv_xlen == 64
  root[2] = entry((void *)0x80000000, kernel);
  root[3] = entry((void *)0x80000000, user);
  root[1] = entry(middle, V);
  middle[0] = entry(table, V);
#else
  for (int n = 0; n < 4; n++) {
    root[0x200 + n] = entry((void *)(0x80000000 + ((word)n << 22)), kernel);
    root[0x300 + n] = entry((void *)(0x80000000 + ((word)n << 22)), user);
  }
  root[0x100] = entry(table, V);
#endif
  user_offset = 0x40000000;
  WRITE(satp, MODE | (word)root >> 12);
  asm volatile("sfence.vma" : : : "memory");
}

int main(void) {
  word full = V | R | W | A | D;
  page[0] = 0x00008067; /* ret */
  open_memory();
  build();
  both("a page of the supervisor", full);
  both("a page of the user", full | USER);
  print("with SUM\n");
  SET(mstatus, SUM);
  both("a page of the user", full | USER);
  map(full | USER | X);
  tell("jump", S, jump, WINDOW);
  CLEAR(mstatus, SUM);
  both("R", V | R | A | D | USER);
  both("X", V | X | A | D | USER);
  print("with MXR\n");
  SET(mstatus, MXR);
  both("X", V | X | A | D | USER);
  CLEAR(mstatus, MXR);
  tell("jump", U, jump, WINDOW);
  tell("jump", S, jump, WINDOW);
  both("not valid", full & ~V);
  both("W without R", V | W | A | D);
  both("not accessed", full & ~A);
  both("not dirty", full & ~D);
  map(V | R | W | X | A | USER);
  tell("jump", U, jump, WINDOW);
  map(V | R | A | D | USER);
  tell("add", U, add, WINDOW);
  map(0);
  tell("jump", U, jump, WINDOW);

  print("a large page that is not aligned\n");
#if __riscv_xlen == 64
  middle[1] = entry((void *)0x80001000, full);
  tell("load", S, load, WINDOW + 0x200000);
  print("a table that is a leaf's place but has no rights\n");
  table[1] = entry(page, V);
  tell("load", S, load, WINDOW + 0x1000);
  print("addresses past the sign\n");
  tell("load", S, load, (word)1 << 38);
  tell("load", S, load, (word)-1 << 38);
#else
  root[0x101] = entry((void *)0x80001000, full);
  tell("load", S, load, WINDOW + 0x400000);
  print("a table that is a leaf's place but has no rights\n");
  table[1] = entry(page, V);
  tell("load", S, load, WINDOW + 0x1000);
#endif

  print("delegated\n");
  WRITE(medeleg, 1 << 12 | 1 << 13 | 1 << 15);
  map(full);
  tell("load", U, load, WINDOW);
  tell("store", U, store, WINDOW);
  tell("jump", U, jump, WINDOW);

  print("M-mode does not translate\n");
  WRITE(medeleg, 0);
  tell("load", M, load, (word)page);
  print("done\n");
  return 0;
}
