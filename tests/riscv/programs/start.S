# The entry, and running a function at a privilege level until it returns or traps.
#
# seen: what ended it, in words of the register's size: cause, PC, value, status, level, whether it returned.

#if __riscv_xlen == 64
# define STORE sd
# define LOAD ld
# define BYTES 8
#else
# define STORE sw
# define LOAD lw
# define BYTES 4
#endif
#define RETURNED 1
#define FROM_S 2

  .section .text.start, "ax"
  .globl _start
_start:
  csrr t0, mhartid
1:
  bnez t0, 1b
  la sp, stack_top
  la t0, m_trap
  csrw mtvec, t0
  la t0, s_trap
  csrw stvec, t0
  call main
  call leave

  .text
# run_at(level, function, argument): MPP := level, and on the function's return or its first trap back here, in M-mode.
  .globl run_at
run_at:
  la t0, context
  STORE ra, 0*BYTES(t0)
  STORE sp, 1*BYTES(t0)
  STORE s0, 2*BYTES(t0)
  STORE s1, 3*BYTES(t0)
  STORE s2, 4*BYTES(t0)
  STORE s3, 5*BYTES(t0)
  STORE s4, 6*BYTES(t0)
  STORE s5, 7*BYTES(t0)
  STORE s6, 8*BYTES(t0)
  STORE s7, 9*BYTES(t0)
  STORE s8, 10*BYTES(t0)
  STORE s9, 11*BYTES(t0)
  STORE s10, 12*BYTES(t0)
  STORE s11, 13*BYTES(t0)
  li t1, 3 << 11
  csrc mstatus, t1
  slli t1, a0, 11
  csrs mstatus, t1
  csrw mepc, a1
  la ra, returned
  la sp, lower_stack_top
  # A function that runs by its user-mode address returns by its user-mode address.
  la t1, user_offset
  LOAD t1, 0(t1)
  bnez a0, 2f
  add ra, ra, t1
  add sp, sp, t1
2:
  mv a0, a2
  mret

  .align 2
returned:
  li a7, RETURNED
  ecall

  .align 2
s_trap:
  mv a4, a7
  csrr a0, scause
  csrr a1, sepc
  csrr a2, stval
  csrr a3, sstatus
  li a7, FROM_S
  ecall

  .align 2
m_trap:
  li t0, 1 << 17 # MPRV, before anything is stored
  csrr t1, mstatus
  csrc mstatus, t0
  la t0, seen
  li t2, FROM_S
  csrr t3, mcause
  beq a7, t2, 3f
4:
  STORE t3, 0*BYTES(t0)
  csrr t2, mepc
  STORE t2, 1*BYTES(t0)
  csrr t2, mtval
  STORE t2, 2*BYTES(t0)
  STORE t1, 3*BYTES(t0)
  li t2, 3
  STORE t2, 4*BYTES(t0)
  STORE a7, 5*BYTES(t0)
  j 5f
3:
  # Only an environment call from S-mode hands on what S-mode saw.
  li t4, 9
  bne t3, t4, 4b
  STORE a0, 0*BYTES(t0)
  STORE a1, 1*BYTES(t0)
  STORE a2, 2*BYTES(t0)
  STORE a3, 3*BYTES(t0)
  li t2, 1
  STORE t2, 4*BYTES(t0)
  STORE a4, 5*BYTES(t0)
5:
  la t0, context
  LOAD ra, 0*BYTES(t0)
  LOAD sp, 1*BYTES(t0)
  LOAD s0, 2*BYTES(t0)
  LOAD s1, 3*BYTES(t0)
  LOAD s2, 4*BYTES(t0)
  LOAD s3, 5*BYTES(t0)
  LOAD s4, 6*BYTES(t0)
  LOAD s5, 7*BYTES(t0)
  LOAD s6, 8*BYTES(t0)
  LOAD s7, 9*BYTES(t0)
  LOAD s8, 10*BYTES(t0)
  LOAD s9, 11*BYTES(t0)
  LOAD s10, 12*BYTES(t0)
  LOAD s11, 13*BYTES(t0)
  li a7, 0
  ret

  .globl leave
leave:
  slli a0, a0, 1
  ori a0, a0, 1
  la t0, tohost
6:
  sw a0, 0(t0)
  sw zero, 4(t0)
  j 6b

  .bss
  .align 3
context:
  .space 14*8
  .globl seen
seen:
  .space 6*8
  .globl user_offset
user_offset:
  .space 8

  .section .host, "aw"
  .align 6
  .globl tohost
tohost:
  .dword 0
  .align 6
  .globl fromhost
fromhost:
  .dword 0
