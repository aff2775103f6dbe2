/* The host's other services: a character by tohost, a system call that writes, and an exit with a code of its own. */
#include "runtime.h"

extern volatile unsigned long long tohost, fromhost;

static const char text[] = "written by a call\n";
static volatile unsigned long long call[8];

static void ask(unsigned long long command) {
#if __riscv_xlen == 64
  tohost = command;
#else
  ((volatile unsigned *)&tohost)[1] = command >> 32;
  ((volatile unsigned *)&tohost)[0] = command;
#endif
  while (tohost)
    ;
}

static unsigned long long system(word number, word first, word second, word third) {
  call[0] = number;
  call[1] = first;
  call[2] = second;
  call[3] = third;
  fromhost = 0;
  ask((word)call);
  while (!fromhost)
    ;
  return call[0];
}

int main(void) {
#if __riscv_xlen == 64
  ask(0x0101000000000000 | 'a');
  ask(0x0101000000000000 | '\n');
#endif
  print("printed by the device\n");
  print_number(system(64, 1, (word)text, sizeof text - 1));
  print(" bytes\n");
  print_number((unsigned)system(1000, 0, 0, 0));
  print("\n");
  return 5;
}
