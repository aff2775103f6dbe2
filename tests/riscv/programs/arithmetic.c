/* Each computing instruction over a table of operands, told as one number; loads and stores; atomics; jumps. */
#include "runtime.h"

static const word operands[] = {0, 1, 2, 31, 63, 0x7f, 0x80, 0x7fffffff, (word)0x80000000, (word)-1, (word)-2, (word)1 << (XLEN - 1),
                                ((word)1 << (XLEN - 1)) - 1, (word)0x123456789abcdefull};
enum { COUNT = sizeof operands / sizeof *operands };

static word sum;

static void start(void) { sum = 0; }

static void add(word value) { sum = (sum << 5 | sum >> (XLEN - 5)) ^ value; }

static void end(const char *name) {
  print(name);
  print(" ");
  print_number(sum);
  print("\n");
}

#define TWO(name)                                                                           \
  start();                                                                                  \
  for (int n = 0; n < COUNT; n++)                                                           \
    for (int m = 0; m < COUNT; m++) {                                                       \
      word result;                                                                          \
      asm volatile(#name " %0, %1, %2" : "=r"(result) : "r"(operands[n]), "r"(operands[m])); \
      add(result);                                                                          \
    }                                                                                       \
  end(#name);

#define ONE_AND(name, immediate)                                                           \
  start();                                                                                 \
  for (int n = 0; n < COUNT; n++) {                                                        \
    word result;                                                                           \
    asm volatile(#name " %0, %1, " #immediate : "=r"(result) : "r"(operands[n]));          \
    add(result);                                                                           \
  }                                                                                        \
  end(#name " " #immediate);

#define BRANCH(name)                                                                       \
  start();                                                                                 \
  for (int n = 0; n < COUNT; n++)                                                          \
    for (int m = 0; m < COUNT; m++) {                                                      \
      word result = 1;                                                                     \
      asm volatile(#name " %1, %2, 1f\n\tli %0, 0\n1:"                                     \
                   : "+r"(result) : "r"(operands[n]), "r"(operands[m]));                   \
      add(result);                                                                         \
    }                                                                                      \
  end(#name);

static word cells[4] __attribute__((aligned(16)));

#define MEMORY(load, store)                                                                \
  start();                                                                                 \
  for (int n = 0; n < COUNT; n++)                                                          \
    for (int at = 0; at < 2 * (int)sizeof(word); at++) {                                   \
      word result;                                                                         \
      asm volatile(#store " %1, 0(%2)\n\t" #load " %0, 0(%2)"                              \
                   : "=&r"(result) : "r"(operands[n]), "r"((byte *)cells + at) : "memory"); \
      add(result);                                                                         \
      add(cells[0]);                                                                       \
      add(cells[1]);                                                                       \
    }                                                                                      \
  end(#store " " #load);

#define ATOMIC(name)                                                                       \
  start();                                                                                 \
  for (int n = 0; n < COUNT; n++)                                                          \
    for (int m = 0; m < COUNT; m++) {                                                      \
      word result;                                                                         \
      cells[0] = operands[n];                                                              \
      asm volatile(#name " %0, %1, (%2)" : "=r"(result) : "r"(operands[m]), "r"(cells) : "memory"); \
      add(result);                                                                         \
      add(cells[0]);                                                                       \
    }                                                                                      \
  end(#name);

int main(void) {
  TWO(add) TWO(sub) TWO(sll) TWO(slt) TWO(sltu) TWO(xor) TWO(srl) TWO(sra) TWO(or) TWO(and)
  TWO(mul) TWO(mulh) TWO(mulhsu) TWO(mulhu) TWO(div) TWO(divu) TWO(rem) TWO(remu)
  ONE_AND(addi, -7) ONE_AND(slti, -7) ONE_AND(sltiu, -7) ONE_AND(xori, 0x555) ONE_AND(ori, 0x555) ONE_AND(andi, -16)
  ONE_AND(slli, 13) ONE_AND(srli, 13) ONE_AND(srai, 13)
  BRANCH(beq) BRANCH(bne) BRANCH(blt) BRANCH(bge) BRANCH(bltu) BRANCH(bgeu)
  MEMORY(lb, sb) MEMORY(lbu, sb) MEMORY(lh, sh) MEMORY(lhu, sh) MEMORY(lw, sw)
  ATOMIC(amoswap.w) ATOMIC(amoadd.w) ATOMIC(amoxor.w) ATOMIC(amoand.w) ATOMIC(amoor.w)
  ATOMIC(amomin.w) ATOMIC(amomax.w) ATOMIC(amominu.w) ATOMIC(amomaxu.w)
#if __riscv_xlen == 64
  TWO(addw) TWO(subw) TWO(sllw) TWO(srlw) TWO(sraw) TWO(mulw) TWO(divw) TWO(divuw) TWO(remw) TWO(remuw)
  ONE_AND(addiw, -7) ONE_AND(slliw, 13) ONE_AND(srliw, 13) ONE_AND(sraiw, 13)
  MEMORY(lwu, sw) MEMORY(ld, sd)
  ATOMIC(amoswap.d) ATOMIC(amoadd.d) ATOMIC(amoxor.d) ATOMIC(amoand.d) ATOMIC(amoor.d)
  ATOMIC(amomin.d) ATOMIC(amomax.d) ATOMIC(amominu.d) ATOMIC(amomaxu.d)
#endif
  word first, second;
  cells[0] = 1;
  asm volatile("lr.w %0, (%3)\n\tsc.w %0, %2, (%3)\n\tsc.w %1, %2, (%3)"
               : "=&r"(first), "=&r"(second) : "r"(5), "r"(cells) : "memory");
  print(first == 0 && second == 1 && cells[0] == 5 ? "lr.w sc.w reserve once\n" : "lr.w sc.w do not reserve once\n");
  print("done\n");
  return 0;
}
