package dev.ocellus.graph.draw;

/** Whether layers that repeat are shown each on its own. */
public enum Detail {
    /** Layers that differ only in their weights are shown once, with their number. */
    FOLDED,
    /** All layers are shown. */
    EVERY_LAYER
}
