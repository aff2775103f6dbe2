# `size` rounds that push, call and return.
        .globl  start
start:  movl    4(%esp), %ecx
        xorl    %eax, %eax
again:  pushl   %ecx
        call    add
        popl    %edx
        decl    %ecx
        jnz     again
        ret
add:    addl    4(%esp), %eax
        ret
