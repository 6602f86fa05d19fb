/* What `run.c` asks of the emulator; see start.c. */
#ifndef BOARD_H
#define BOARD_H
#include <stdint.h>

int board_open(const char *name, int mode, uint32_t length);
int board_read(int file, void *to, uint32_t bytes);
int board_write(int file, const void *from, uint32_t bytes);
void board_start_timer(void);
uint32_t board_ticks(void);

/* Bytes of stack that were written below `sp` since it was painted; 64 at least, 4 KiB at most. */
void board_paint_stack(uint32_t *sp);
uint32_t board_used_stack(const uint32_t *sp);

static inline uint32_t *board_stack_pointer(void)
{
    uint32_t *sp;
    __asm__ volatile("mov %0, sp" : "=r"(sp));
    return sp;
}

#endif
