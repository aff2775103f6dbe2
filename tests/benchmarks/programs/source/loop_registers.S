# `size` rounds of four instructions on registers.
        .globl  start
start:  movl    4(%esp), %ecx
        xorl    %eax, %eax
again:  addl    %ecx, %eax
        xorl    $0x55, %eax
        decl    %ecx
        jnz     again
        ret
