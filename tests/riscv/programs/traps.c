/* Exceptions at every level, privileged instructions and CSRs below their level, and TVM, TW and TSR. */
#include "runtime.h"

ONE(call, "ecall")
ONE(breakpoint, ".option push; .option norvc; ebreak; .option pop")
ONE(short_breakpoint, ".option push; .option rvc; c.ebreak; .option pop")
ONE(zeros, ".word 0")
ONE(ones, ".word 0xffffffff")
ONE(read_mstatus, "csrr a0, mstatus")
ONE(read_sstatus, "csrr a0, sstatus")
ONE(read_satp, "csrr a0, satp")
ONE(read_cycle, "csrr a0, cycle")
ONE(read_instret, "csrr a0, instret")
ONE(write_cycle, "csrw cycle, a0")
ONE(write_misa_id, "csrw mvendorid, a0")
ONE(return_m, "mret")
ONE(return_s, "sret")
ONE(fence_translation, "sfence.vma")
ONE(wait, "wfi")

static const word levels[] = {U, S, M};

#define EVERYWHERE(function)            \
  for (int n = 0; n < 3; n++)           \
    tell(#function, levels[n], function, 0)

#define BELOW_M(function)               \
  for (int n = 0; n < 2; n++)           \
    tell(#function, levels[n], function, 0)

int main(void) {
  open_memory();
  EVERYWHERE(call);
  EVERYWHERE(breakpoint);
  EVERYWHERE(short_breakpoint);
  EVERYWHERE(zeros);
  EVERYWHERE(ones);
  EVERYWHERE(read_mstatus);
  EVERYWHERE(read_sstatus);
  EVERYWHERE(read_satp);
  EVERYWHERE(write_cycle);
  EVERYWHERE(write_misa_id);
  BELOW_M(return_m);
  tell("return_s", U, return_s, 0);
  EVERYWHERE(fence_translation);

  print("counters are closed\n");
  WRITE(mcounteren, 0);
  WRITE(scounteren, -1);
  EVERYWHERE(read_cycle);
  print("counters are open to S\n");
  WRITE(mcounteren, 7);
  WRITE(scounteren, 0);
  EVERYWHERE(read_cycle);
  EVERYWHERE(read_instret);
  print("cycle is open to U\n");
  WRITE(scounteren, 1);
  BELOW_M(read_cycle);
  BELOW_M(read_instret);

  print("TVM, TW and TSR are set\n");
  SET(mstatus, 7 << 20);
  BELOW_M(read_satp);
  BELOW_M(fence_translation);
  BELOW_M(return_s);
  BELOW_M(wait);
  CLEAR(mstatus, 7 << 20);
  print("done\n");
  return 0;
}
