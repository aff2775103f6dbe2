# Ring 3 executes CLI `size` times; it faults, and ring 0 emulates it: it looks at the instruction and passes it by.
        .include "tables.inc"
        .globl  start
start:  movl    4(%esp), %ecx
        gate    13, fault, 0x8E
        gate    0x31, end, 0xEE
        enter_ring_3 program
program:
        cli
        decl    %ecx
        jnz     program
        int     $0x31
fault:  addl    $4, %esp
        pushl   %eax
        movl    4(%esp), %eax
        cmpb    $0xFA, (%eax)
        jne     other
        incl    4(%esp)
        incl    result
        popl    %eax
        iret
other:  movl    $-1, result
end:    go_back
        tables
