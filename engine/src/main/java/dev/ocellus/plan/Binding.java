package dev.ocellus.plan;

import dev.ocellus.graph.Value;

/**
 * Where the operands of a plan lie. The planner itself uses one without memory to learn what a call
 * needs.
 */
interface Binding {
    /** Address of a value's first element. */
    long address(Value v);

    /** Elements between rows of a value. */
    long ld(Value v);

    /**
     * Address of the int64 that holds {@code multiple} times the run-time count of a value, or 0 if
     * it is always full.
     */
    long count(Value v, long multiple);

    /** Address of packed weights. */
    long weight(Packing packing);
}
