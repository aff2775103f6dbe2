"""The program that runs the probes inside Bochs: machine code, each line with its assembly text.

It lies in read-only memory, so that no probe can damage it. A line is bytes in hexadecimal, then `;` and the
assembly. Among the bytes `[NAME]` is an address or constant in 4 bytes, `[NAME+n]` with an offset, and
`>label` a distance in 1 byte, `>>label` in 4, from the end of the instruction.

A probe's record (see `bochs_image`): +00 next record, +04 result, +08 entry routine, +0C CR4, +10 CR0, +14 LDTR,
+18 TR, +1C patches, +20 watches, +24 model-specific registers, +28 GDTR, +30 IDTR, +38 the
17 dwords that the entry routine pops.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

MAGIC = 0x52494E47
FRAME_WORDS = 35

LISTING = """
boot:                               ; the first start, and each start after a shutdown
    6A 10  1F  6A 10  07            ; push 10 / pop ds / push 10 / pop es
    FC                              ; cld
    B0 FF  E6 21  E6 A1             ; mov al, FF / out 21, al / out A1, al    mask the 8259s
    B0 30  E6 43                    ; mov al, 30 / out 43, al                 stop the timer, which no reset stops
    ; The timer reaches the processor as NMI through I/O APIC pin 2: the watchdog of a probe that halts.
    C7 05 [IOAPIC] 14 00 00 00      ; mov dword [IOAPIC], 14
    C7 05 [IOAPIC+16] 00 04 00 00   ; mov dword [IOAPIC+10], 400              edge, NMI, unmasked
    C7 05 [IOAPIC] 15 00 00 00      ; mov dword [IOAPIC], 15
    C7 05 [IOAPIC+16] 00 00 00 00   ; mov dword [IOAPIC+10], 0                to APIC 0
    81 3D [STATE] [MAGIC]           ; cmp dword [STATE], MAGIC
    0F 85 >>first                   ; jne first
    8B 15 [CURRENT]                 ; mov edx, [CURRENT]
    8B 7A 04                        ; mov edi, [edx+4]
    C7 47 40 03 00 00 00            ; mov dword [edi+40], 3                   the probe shut the machine down
    E9 >>advance                    ; jmp advance
first:
    31 FF                           ; xor edi, edi
    B8 F1 F1 F1 F1                  ; mov eax, F1F1F1F1
    B9 00 80 02 00                  ; mov ecx, 28000                          to 640 KiB
    F3 AB                           ; rep stosd
    BF 00 00 10 00                  ; mov edi, 100000
    B9 00 00 04 00                  ; mov ecx, 40000                          to 2 MiB
    F3 AB                           ; rep stosd
    BE [TASKS]                      ; mov esi, TASKS
    BF [CAPTURE_TSS]                ; mov edi, CAPTURE_TSS
    B9 00 1A 00 00                  ; mov ecx, 1A00                           256 TSS of 104 bytes
    F3 A5                           ; rep movsd
    ; Out of protected mode the IDT is read as real mode's table, whose vector 1 is then FFFF:8E00.
    BE [left]                       ; mov esi, left
    BF F0 8D 10 00                  ; mov edi, 108DF0
    B9 0F 00 00 00                  ; mov ecx, 0F
    F3 A4                           ; rep movsb
    C7 05 [STATE] [MAGIC]           ; mov dword [STATE], MAGIC
    C7 05 [CURRENT] [ROM]           ; mov dword [CURRENT], ROM
    E9 >>probe                      ; jmp probe
left:                               ; the copy runs, in 32-bit code still
    0F 20 C0  0C 01  0F 22 C0       ; mov eax, cr0 / or al, 1 / mov cr0, eax
    EA [boot] 08 00                 ; jmp 8:boot                              as after a shutdown

finish:                             ; copy the captured state and the watched memory to the result
    8B 15 [CURRENT]                 ; mov edx, [CURRENT]
    BE [FRAME]                      ; mov esi, FRAME
    8B 7A 04                        ; mov edi, [edx+4]
    B9 [FRAME_WORDS]                ; mov ecx, FRAME_WORDS
    F3 A5                           ; rep movsd
    8B 5A 20                        ; mov ebx, [edx+20]
watch:                              ; of each: dword size, dword address
    8B 0B                           ; mov ecx, [ebx]
    E3 >advance                     ; jecxz advance
    8B 73 04                        ; mov esi, [ebx+4]
    83 C3 08                        ; add ebx, 8
    F3 A4                           ; rep movsb
    EB >watch                       ; jmp watch
advance:
    8B 02                           ; mov eax, [edx]
    A3 [CURRENT]                    ; mov [CURRENT], eax

probe:
    31 C0                           ; xor eax, eax
    0F 22 E0  0F 22 D0  0F 22 D8    ; mov cr4, eax / mov cr2, eax / mov cr3, eax
    0F 23 F8  0F 23 C0  0F 23 C8    ; mov dr7, eax / mov dr0, eax / mov dr1, eax
    0F 23 D0  0F 23 D8              ; mov dr2, eax / mov dr3, eax
    B8 F0 0F FF FF  0F 23 F0        ; mov eax, FFFF0FF0 / mov dr6, eax
    6A 10  1F  6A 10  07            ; push 10 / pop ds / push 10 / pop es
    6A 10  17  BC [HARNESS_STACK]   ; push 10 / pop ss / mov esp, HARNESS_STACK
    6A 02  9D                       ; push 2 / popfd                          NT is set after a task switch
    6A 02  0E  68 [enabled]  CF     ; push 2 / push cs / push enabled / iretd    let NMI in again
enabled:
    8B 2D [CURRENT]                 ; mov ebp, [CURRENT]
    85 ED                           ; test ebp, ebp
    0F 84 >>end                     ; jz end
    BE [PRISTINE]                   ; mov esi, PRISTINE
    BF [WORLD]                      ; mov edi, WORLD
    B9 00 40 00 00                  ; mov ecx, 4000
    F3 A5                           ; rep movsd
    8B 5D 1C                        ; mov ebx, [ebp+1C]
patch:                              ; of each: dword size, dword address, the bytes
    8B 0B                           ; mov ecx, [ebx]
    E3 >load                        ; jecxz load
    8B 7B 04                        ; mov edi, [ebx+4]
    8D 73 08                        ; lea esi, [ebx+8]
    F3 A4                           ; rep movsb
    89 F3                           ; mov ebx, esi
    EB >patch                       ; jmp patch
load:
    0F 01 55 28  0F 01 5D 30        ; lgdt [ebp+28] / lidt [ebp+30]
    0F 00 55 14  0F 00 5D 18        ; lldt [ebp+14] / ltr [ebp+18]
    B0 30  E6 43                    ; mov al, 30 / out 43, al                 timer 0: once, after BB8 ticks
    B0 B8  E6 40  B0 0B  E6 40      ; mov al, B8 / out 40, al / mov al, 0B / out 40, al
    8B 45 0C  0F 22 E0              ; mov eax, [ebp+0C] / mov cr4, eax
    8B 45 10  0F 22 C0              ; mov eax, [ebp+10] / mov cr0, eax
    8B 75 24                        ; mov esi, [ebp+24]
number:                             ; of each: dword number, qword value
    AD                              ; lodsd
    91                              ; xchg ecx, eax
    E3 >numbered                    ; jecxz numbered
    AD                              ; lodsd
    92                              ; xchg edx, eax
    AD                              ; lodsd
    92                              ; xchg edx, eax
    0F 30                           ; wrmsr
    EB >number                      ; jmp number
numbered:
    8D 75 38                        ; lea esi, [ebp+38]
    BC [HARNESS_STACK]              ; mov esp, HARNESS_STACK
    89 E7                           ; mov edi, esp
    B9 11 00 00 00                  ; mov ecx, 11
    F3 A5                           ; rep movsd
    31 C0  31 D2                    ; xor eax, eax / xor edx, edx
    B9 10 00 00 00  0F 30           ; mov ecx, 10 / wrmsr                     the time-stamp counter, from 0
    FF 65 08                        ; jmp [ebp+8]
outer:                              ; to rings 1 to 3
    0F A9  0F A1  07  1F  61        ; pop gs / pop fs / pop es / pop ds / popad
    CF                              ; iretd
inner:                              ; to ring 0, touching no memory of the probe
    0F A9  0F A1  07  1F  61        ; pop gs / pop fs / pop es / pop ds / popad
    9D                              ; popfd
    0F B2 24 24                     ; lss esp, [esp]
    2E FF 2D [ENTRY]                ; jmp far [cs:ENTRY]
inner_iret:                         ; to ring 0 with flags that POPFD cannot set
    0F A9  0F A1  07  1F  61        ; pop gs / pop fs / pop es / pop ds / popad
    0F B2 24 24                     ; lss esp, [esp]
    CF                              ; iretd
end:
    66 BA 00 89  B0 44  EE          ; mov dx, 8900 / mov al, 'D' / out dx, al    stop in Bochs's debugger
    EB >end                         ; jmp end

nmi:                                ; vector 2 by gate: the watchdog, too late if the harness runs again
    81 7C 24 08 [ROM]               ; cmp dword [esp+8], ROM
    72 >gate                        ; jb gate
    83 C4 08                        ; add esp, 8
    CF                              ; iretd
gate:                               ; on the stack: vector, error code, EIP, CS, EFLAGS, and from outer rings ESP, SS
    1E                              ; push ds
    6A 10  1F                       ; push 10 / pop ds
    A3 [FRAME+8]                    ; mov [FRAME+8], eax
    B0 30  E6 43                    ; mov al, 30 / out 43, al                 stop the timer
    89 0D [FRAME+12]                ; mov [FRAME+0C], ecx
    89 15 [FRAME+16]                ; mov [FRAME+10], edx
    89 1D [FRAME+20]                ; mov [FRAME+14], ebx
    89 2D [FRAME+28]                ; mov [FRAME+1C], ebp
    89 35 [FRAME+32]                ; mov [FRAME+20], esi
    89 3D [FRAME+36]                ; mov [FRAME+24], edi
    FC                              ; cld
    8F 05 [FRAME+52]                ; pop dword [FRAME+34]                    DS
    8F 05 [FRAME+68]                ; pop dword [FRAME+44]                    vector
    8F 05 [FRAME+72]                ; pop dword [FRAME+48]                    error code
    8F 05 [FRAME]                   ; pop dword [FRAME]                       EIP
    8F 05 [FRAME+44]                ; pop dword [FRAME+2C]                    CS
    8F 05 [FRAME+4]                 ; pop dword [FRAME+4]                     EFLAGS
    8C 05 [FRAME+40]                ; mov [FRAME+28], es
    8C 15 [FRAME+48]                ; mov [FRAME+30], ss
    8C 25 [FRAME+56]                ; mov [FRAME+38], fs
    8C 2D [FRAME+60]                ; mov [FRAME+3C], gs
    89 25 [FRAME+24]                ; mov [FRAME+18], esp
    F6 05 [FRAME+44] 03             ; test byte [FRAME+2C], 3
    74 >same                        ; jz same
    8F 05 [FRAME+24]                ; pop dword [FRAME+18]                    ESP
    8F 05 [FRAME+48]                ; pop dword [FRAME+30]                    SS
same:
    C7 05 [FRAME+64] 01 00 00 00    ; mov dword [FRAME+40], 1                 captured by a gate
    0F 00 0D [FRAME+76]             ; str [FRAME+4C]
captured:
    6A 10  17  BC [HARNESS_STACK]   ; push 10 / pop ss / mov esp, HARNESS_STACK
    6A 10  07                       ; push 10 / pop es
    0F 00 05 [FRAME+80]             ; sldt [FRAME+50]
    0F 01 05 [FRAME+84]             ; sgdt [FRAME+54]
    0F 01 0D [FRAME+92]             ; sidt [FRAME+5C]
    0F 20 C0  A3 [FRAME+100]        ; mov eax, cr0 / mov [FRAME+64], eax
    0F 20 D0  A3 [FRAME+104]        ; mov eax, cr2 / mov [FRAME+68], eax
    0F 20 D8  A3 [FRAME+108]        ; mov eax, cr3 / mov [FRAME+6C], eax
    0F 20 E0  A3 [FRAME+112]        ; mov eax, cr4 / mov [FRAME+70], eax
    0F 21 C0  A3 [FRAME+116]        ; mov eax, dr0 / mov [FRAME+74], eax
    0F 21 C8  A3 [FRAME+120]        ; mov eax, dr1 / mov [FRAME+78], eax
    0F 21 D0  A3 [FRAME+124]        ; mov eax, dr2 / mov [FRAME+7C], eax
    0F 21 D8  A3 [FRAME+128]        ; mov eax, dr3 / mov [FRAME+80], eax
    0F 21 F0  A3 [FRAME+132]        ; mov eax, dr6 / mov [FRAME+84], eax
    0F 21 F8  A3 [FRAME+136]        ; mov eax, dr7 / mov [FRAME+88], eax
    E9 >>finish                     ; jmp finish

task:                               ; on the new task's stack: vector, error code; the old TSS has the state
    B0 30  E6 43                    ; mov al, 30 / out 43, al
    8F 05 [FRAME+68]                ; pop dword [FRAME+44]                    vector
    8F 05 [FRAME+72]                ; pop dword [FRAME+48]                    error code
    6B 05 [FRAME+68] 68             ; imul eax, [FRAME+44], 68
    0F B7 80 [CAPTURE_TSS]          ; movzx eax, word [eax+CAPTURE_TSS]       back link
    A3 [FRAME+76]                   ; mov [FRAME+4C], eax                     TR
    0F 01 05 [FRAME+84]             ; sgdt [FRAME+54]
    25 F8 FF 00 00                  ; and eax, FFF8
    03 05 [FRAME+86]                ; add eax, [FRAME+56]
    8B 70 02                        ; mov esi, [eax+2]
    81 E6 FF FF FF 00               ; and esi, FFFFFF
    0F B6 48 07                     ; movzx ecx, byte [eax+7]
    C1 E1 18                        ; shl ecx, 18
    09 CE                           ; or esi, ecx                             base of the old TSS
    83 C6 20                        ; add esi, 20
    BF [FRAME]                      ; mov edi, FRAME
    B9 10 00 00 00                  ; mov ecx, 10                             EIP to GS
    F3 A5                           ; rep movsd
    C7 05 [FRAME+64] 02 00 00 00    ; mov dword [FRAME+40], 2                 captured by a task
    E9 >>captured                   ; jmp captured
"""


def assemble(listing: str, origin: int, names: Mapping[str, int]) -> tuple[bytes, dict[str, int]]:
    """The bytes of a listing that starts at `origin`, and the addresses of its labels.

    >>> assemble("here: ; \\n 31 C0 ; xor eax, eax \\n EB >here ; jmp here", 0x100, {})
    (b'1\\xc0\\xeb\\xfc', {'here': 256})
    """
    labels: dict[str, int] = {}
    placed: list[tuple[int, list[str]]] = []
    address = origin
    for line in listing.splitlines():
        tokens = line.partition(";")[0].split()
        if tokens and tokens[0].endswith(":"):
            labels[tokens.pop(0)[:-1]] = address
        placed.append((address, tokens))
        address += sum(_size(token) for token in tokens)
    known = {**names, **labels}
    return b"".join(_encode(tokens, start, known) for start, tokens in placed), labels


def _size(token: str) -> int:
    return 4 if token.startswith(("[", ">>")) else 1


def _encode(tokens: list[str], start: int, known: Mapping[str, int]) -> bytes:
    end = start + sum(_size(token) for token in tokens)
    out = b""
    for token in tokens:
        if token.startswith(">"):
            out += (known[token.lstrip(">")] - end).to_bytes(_size(token), "little", signed=True)
        elif match := re.fullmatch(r"\[(\w+)(?:\+(\d+))?\]", token):
            out += (known[match[1]] + int(match[2] or 0)).to_bytes(4, "little")
        else:
            out += bytes.fromhex(token)
    return out
