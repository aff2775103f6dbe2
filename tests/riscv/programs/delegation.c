/* Exceptions and interrupts that are delegated: which go to S-mode, and that those of M-mode never do. */
#include "runtime.h"

ONE(call, "ecall")
ONE(breakpoint, ".option push; .option norvc; ebreak; .option pop")
ONE(illegal, ".word 0")
ONE(stay, "1: j 1b")
ONE(step, "nop")

int main(void) {
  open_memory();
  print("nothing is delegated\n");
  WRITE(medeleg, 0);
  WRITE(mideleg, 0);
  tell("call", U, call, 0);
  tell("illegal", S, illegal, 0);

  print("breakpoints, illegal instructions and calls from U are delegated\n");
  WRITE(medeleg, 1 << 2 | 1 << 3 | 1 << 8);
  for (word level = U; level <= M; level += level + 1) {
    tell("call", level, call, 0);
    tell("breakpoint", level, breakpoint, 0);
    tell("illegal", level, illegal, 0);
  }

  print("calls from M are not to be delegated\n");
  WRITE(medeleg, -1);
  print(READ(medeleg) & 1 << 11 ? "they are\n" : "they are not\n");
  WRITE(medeleg, 0);

  print("the supervisor's software interrupt is pending\n");
  SET(mie, 1 << 1);
  SET(mip, 1 << 1);
  tell("stay", U, stay, 0);
  tell("stay", S, stay, 0);
  tell("step", M, step, 0);
  print("and delegated\n");
  WRITE(mideleg, 1 << 1);
  tell("stay", U, stay, 0);
  CLEAR(mstatus, 1 << 1);
  tell("step", S, step, 0);
  SET(mstatus, 1 << 1);
  tell("stay", S, stay, 0);
  tell("step", M, step, 0);
  CLEAR(mip, 1 << 1);
  tell("step", U, step, 0);
  print("done\n");
  return 0;
}
