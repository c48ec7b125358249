// Packing of weights; see panel.h and block.h. A unit is one panel.
#include "block.h"
#include "panel.h"

UNITS(PackPanels, PackPanels) { return ceil_div(ROW_COUNT(a), PANEL); }

KERNEL(PackPanels, PackPanels) {
    int64_t bytes = a->k * (a->sourceType == DTYPE_F32 ? 4 : 2);
    int blocks = is_block(a->panelType);
    int64_t panelBytes =
        blocks ? block_panel_bytes(a->panelType, a->k) : ceil_div(bytes, 4) * PANEL * 4;
    for (int64_t u = begin; u < end; u++) {
        const char *rows[PANEL];
        int64_t count = min_i64(PANEL, ROW_COUNT(a) - u * PANEL);
        for (int64_t i = 0; i < count; i++) {
            rows[i] = a->src + (u * PANEL + i) * bytes;
        }
        char *panel = a->dst + (a->firstPanel + u * a->panelStride) * panelBytes;
        if (blocks) {
            block_pack(rows, count, a->sourceType, a->k, a->panelType, panel);
        } else {
            panel_pack(rows, count, bytes, panel);
        }
    }
}
