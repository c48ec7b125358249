package dev.ocellus.kernels;

/** How weights and pages of plain types lie in memory; those of block types are panels in both. */
enum Layout {
    /** As {@link Panels} and {@link KvPanels} say. */
    PANELS,
    /** Rows without gaps, as {@link dev.ocellus.kernels.cuda.CudaKernels} says. */
    ROWS
}
