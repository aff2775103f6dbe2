# The entry of the programs in C, at the first address: unsigned run(unsigned size), called with one word on the stack.
        .section .text.start
        .globl  start
start:  jmp     run
