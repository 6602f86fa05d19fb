/* Computes the network's outputs of the examples in the file `in`, one after another, and writes them to `out`; to `cost`, for each, timer ticks and bytes of stack.
   HEADER, PREDICT, FEATURES, OUTPUTS, INPUT and OUTPUT come from the command line. */
#include "board.h"
#include HEADER

static INPUT example[FEATURES];
static OUTPUT outputs[OUTPUTS];

int main(void)
{
    int in = board_open("in", 1, 2), out = board_open("out", 5, 3), cost = board_open("cost", 5, 4);
    if (in < 0 || out < 0 || cost < 0)
        return 1;
    while (board_read(in, example, sizeof example)) {
        uint32_t costs[2], start;
        board_start_timer();
        board_paint_stack(board_stack_pointer());
        start = board_ticks();
        PREDICT(example, outputs);
        costs[0] = board_ticks() - start;
        costs[1] = board_used_stack(board_stack_pointer());
        if (!board_write(out, outputs, sizeof outputs) || !board_write(cost, costs, sizeof costs))
            return 2;
    }
    return 0;
}
