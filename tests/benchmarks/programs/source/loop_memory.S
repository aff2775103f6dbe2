# `size` rounds that read, change and write memory.
        .globl  start
start:  movl    4(%esp), %ecx
        movl    $0x200000, %ebx
        movl    $0, (%ebx)
again:  movl    (%ebx), %eax
        addl    %ecx, %eax
        movl    %eax, (%ebx)
        addl    $3, (%ebx)
        decl    %ecx
        jnz     again
        movl    (%ebx), %eax
        ret
