/* Start-up code, and what a program without a C library needs under an emulator. */
#include "board.h"

#include <stddef.h>

extern uint32_t stack_top, bss_start, bss_end, data_start, data_end, data_load;
int main(void);

static int host(int operation, const void *arguments)
{
    register int r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = arguments;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

int board_open(const char *name, int mode, uint32_t length)
{
    uint32_t arguments[3] = {(uint32_t)name, (uint32_t)mode, length};
    return host(1, arguments);
}

int board_read(int file, void *to, uint32_t bytes)
{
    uint32_t arguments[3] = {(uint32_t)file, (uint32_t)to, bytes};
    return host(6, arguments) == 0;
}

int board_write(int file, const void *from, uint32_t bytes)
{
    uint32_t arguments[3] = {(uint32_t)file, (uint32_t)from, bytes};
    return host(5, arguments) == 0;
}

static void leave(int code)
{
    uint32_t arguments[2] = {0x20026, (uint32_t)code};
    host(0x20, arguments);
    for (;;) {
    }
}

static void fault(void)
{
    leave(99);
}

/* The timer counts down; under `-icount shift=0` an instruction lasts a nanosecond. */
#define TIMER ((volatile uint32_t *)0xE000E010)

void board_start_timer(void)
{
    TIMER[1] = 0xffffff;
    TIMER[2] = 0;
    TIMER[0] = 5;
}

uint32_t board_ticks(void)
{
    return 0xffffff - TIMER[2];
}

/* What lies directly below the caller's frame stays unpainted: these functions' own frames. */
#define OWN 16
#define PAINTED 1024
#define PAINT 0xa5a5a5a5u

__attribute__((noinline)) void board_paint_stack(uint32_t *sp)
{
    for (int i = OWN + 1; i <= PAINTED; i++)
        sp[-i] = PAINT;
}

__attribute__((noinline)) uint32_t board_used_stack(const uint32_t *sp)
{
    int i = PAINTED;
    while (i > OWN && sp[-i] == PAINT)
        i--;
    return (uint32_t)i * 4;
}

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
    char *t = to;
    const char *f = from;
    while (n--)
        *t++ = *f++;
    return to;
}

void *memset(void *to, int value, size_t n)
{
    char *t = to;
    while (n--)
        *t++ = (char)value;
    return to;
}

static void reset(void)
{
#if defined(__ARM_FP)
    *(volatile uint32_t *)0xE000ED88 |= 0xf00000; /* the floating-point unit on */
#endif
    const uint32_t *from = &data_load;
    for (uint32_t *to = &data_start; to < &data_end;)
        *to++ = *from++;
    for (uint32_t *to = &bss_start; to < &bss_end;)
        *to++ = 0;
    leave(main());
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    &stack_top, (void *)reset, (void *)fault, (void *)fault, (void *)fault, (void *)fault,
    (void *)fault, 0, 0, 0, 0, (void *)fault, (void *)fault, 0, (void *)fault, (void *)fault,
};
