# Ring 3 calls the supervisor `size` times: INT through a gate to ring 0, which counts and returns by IRET.
        .include "tables.inc"
        .globl  start
start:  movl    4(%esp), %ecx
        gate    0x30, call, 0xEE
        gate    0x31, end, 0xEE
        enter_ring_3 program
program:
        int     $0x30
        decl    %ecx
        jnz     program
        int     $0x31
call:   incl    result
        iret
end:    go_back
        tables
