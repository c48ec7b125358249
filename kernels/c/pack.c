// Packing of weights; see panel.h. A unit is one panel.
#include "panel.h"

UNITS(PackPanels, PackPanels) { return ceil_div(ROW_COUNT(a), PANEL); }

KERNEL(PackPanels, PackPanels) {
    int64_t bytes = a->k * (a->sourceType == DTYPE_F32 ? 4 : 2);
    int64_t panelBytes = ceil_div(bytes, 4) * PANEL * 4;
    for (int64_t u = begin; u < end; u++) {
        const char *rows[PANEL];
        int64_t count = min_i64(PANEL, ROW_COUNT(a) - u * PANEL);
        for (int64_t i = 0; i < count; i++) {
            rows[i] = a->src + (u * PANEL + i) * bytes;
        }
        panel_pack(rows, count, bytes, a->dst + (a->firstPanel + u * a->panelStride) * panelBytes);
    }
}
