/* The timer's and the software interrupt: at every level, by mie and MIE, waiting for one, and their order. */
#include "runtime.h"

enum { SOFTWARE = 1 << 3, TIMER = 1 << 7 };

ONE(stay, "1: j 1b")
ONE(wait, "wfi")
ONE(step, "nop")

static void compare(word delay) {
  unsigned now = timer[0];
  timer_compare[1] = -1;
  timer_compare[0] = now + delay;
  timer_compare[1] = delay == (word)-1 ? -1 : timer[1];
}

static void enable(word at_previous) {
  /* MRET puts MPIE into MIE. */
  if (at_previous)
    SET(mstatus, 1 << 7);
  else
    CLEAR(mstatus, 1 << 7);
}

int main(void) {
  open_memory();
  compare(-1);
  tell("step", U, step, 0);
  WRITE(mie, TIMER);
  for (word level = U; level <= M; level += level + 1) {
    compare(1000);
    enable(1);
    tell("stay", level, stay, 0);
  }
  print("the timer is due\n");
  print(READ(mip) & TIMER ? "pending\n" : "not pending\n");
  enable(0);
  tell("step with MIE clear", M, step, 0);
  enable(0);
  tell("step with MIE clear", S, step, 0);
  WRITE(mie, 0);
  enable(1);
  tell("step with mie clear", M, step, 0);
  tell("step with mie clear", U, step, 0);
  WRITE(mie, TIMER);
  enable(0);
  tell("wait with MIE clear", M, wait, 0);
  compare(1000);
  enable(0);
  tell("wait with MIE clear", M, wait, 0);
  print(READ(mip) & TIMER ? "pending\n" : "not pending\n");
  compare(-1);
  print(READ(mip) & TIMER ? "pending\n" : "not pending\n");

  print("the software interrupt\n");
  *software_interrupt = 1;
  WRITE(mie, SOFTWARE);
  enable(1);
  tell("step", M, step, 0);
  tell("step", U, step, 0);
  print("and the timer's\n");
  compare(0);
  WRITE(mie, SOFTWARE | TIMER);
  enable(1);
  tell("step", M, step, 0);
  *software_interrupt = 0;
  enable(1);
  tell("step", M, step, 0);
  compare(-1);
  enable(1);
  tell("step", M, step, 0);
  WRITE(mie, 0);
  print("done\n");
  return 0;
}
