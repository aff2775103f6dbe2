/* A stack machine of bytes, interpreted: the sum of i * i xor the sum so far, for i from `size` down to 1. */
enum { PUSH, LOAD, STORE, ADD, MUL, XOR, LOOP, STOP };

static const unsigned char code[] = {
    /* 0 */ LOAD, 0, LOAD, 0, MUL, LOAD, 1, XOR, PUSH, 1, ADD, STORE, 1,
    /* 13 */ LOAD, 0, PUSH, 255, ADD, STORE, 0, LOOP, 0, STOP,
};

unsigned run(unsigned size)
{
    unsigned stack[16], *top = stack, variables[2] = {size, 0};
    const unsigned char *at = code;
    for (;;) {
        switch (*at++) {
        case PUSH: *top++ = (int)(signed char)*at++; break;
        case LOAD: *top++ = variables[*at++]; break;
        case STORE: variables[*at++] = *--top; break;
        case ADD: top--; top[-1] += *top; break;
        case MUL: top--; top[-1] *= *top; break;
        case XOR: top--; top[-1] ^= *top; break;
        case LOOP: at = variables[0] ? code + *at : at + 1; break;
        case STOP: return variables[1];
        }
    }
}
