/* Physical memory protection: each way of matching, rights at each level, locked entries, order, MPRV. */
#include "runtime.h"

enum { R = 1, W = 2, X = 4, TOR = 1 << 3, NA4 = 2 << 3, NAPOT = 3 << 3, LOCKED = 1 << 7 };

static unsigned place[64] __attribute__((aligned(256)));
static unsigned code[2] __attribute__((aligned(8))) = {0x00008067, 0x00008067}; /* ret */

ONE(load, "lw a0, 0(a0)")
ONE(store, "sw a0, 0(a0)")
ONE(load_byte, "lbu a0, 0(a0)")
ONE(jump, "jr a0")
#if __riscv_xlen == 64
ONE(load_double, "ld a0, 0(a0)")
#endif

/* What the first two entries do. */
static void configure(word first, word second) { protect(first | second << 8); }

static void napot(word from, word size) { WRITE(pmpaddr0, from >> 2 | (size / 8 - 1)); }

static void all(const char *what, word at) {
  print(what);
  print("\n");
  for (word level = U; level <= M; level += level + 1) {
    tell("load", level, load, at);
    tell("store", level, store, at);
  }
}

int main(void) {
  word at = (word)place;
  word outside = at + 64;
  print("no entry matches\n");
  tell("load", U, load, at);
  tell("load", M, load, at);
  open_memory();

  napot(at, 64);
  configure(NAPOT, 0);
  all("64 bytes without rights", at);
  all("past them", outside);
  configure(NAPOT | R, 0);
  all("R", at + 60);
  configure(NAPOT | R | W, 0);
  all("RW", at);
  configure(NAPOT | X, 0);
  all("X", at);

  WRITE(pmpaddr0, at >> 2);
  configure(NA4, 0);
  print("four bytes without rights\n");
  tell("load", S, load, at);
  tell("load", S, load, at + 4);
  tell("load_byte", S, load_byte, at + 3);
#if __riscv_xlen == 64
  tell("load_double", S, load_double, at);
#endif

  WRITE(pmpaddr0, at >> 2);
  WRITE(pmpaddr1, outside >> 2);
  configure(0, TOR | R);
  print("from one address to the next, R\n");
  tell("load", S, load, at - 4);
  tell("store", S, store, at - 4);
  tell("load", S, load, at);
  tell("store", S, store, at);
  tell("store", S, store, outside - 4);
  tell("store", S, store, outside);

  print("the first entry that matches decides\n");
  napot(at, 64);
  WRITE(pmpaddr1, at >> 2 | 31);
  configure(NAPOT | R | W, NAPOT);
  tell("store", S, store, at);
  tell("store", S, store, outside);

  print("code\n");
  napot((word)code, 8);
  configure(NAPOT | R | W, 0);
  tell("jump", U, jump, (word)code);
  tell("jump", M, jump, (word)code);
  configure(NAPOT | X, 0);
  tell("jump", U, jump, (word)code);

  print("M-mode with the rights of MPP\n");
  napot(at, 64);
  configure(NAPOT, 0);
  SET(mstatus, 1 << 17);
  /* MRET to M-mode leaves MPRV set and makes MPP U. */
  tell("load", M, load, at);

  print("locked\n");
  configure(NAPOT | LOCKED | R, 0);
  all("R, locked", at);
  configure(NAPOT | R | W | X, 0);
  print_number(READ(pmpcfg0) & 0xff);
  print("\n");
  WRITE(pmpaddr0, 0);
  print(READ(pmpaddr0) == (at >> 2 | 7) ? "the address is kept\n" : "the address is changed\n");
  print("done\n");
  return 0;
}
