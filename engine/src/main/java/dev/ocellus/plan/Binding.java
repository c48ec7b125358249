package dev.ocellus.plan;

import dev.ocellus.graph.Value;
import dev.ocellus.graph.Weight;

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

    /** Address of the number of rows of a value that count, or 0 if all do. */
    default long rowCount(Value v) {
        return count(v, v.rowsPerEntry());
    }

    /** Address of a weight as float32, or 0 for none. */
    default long vector(Weight w) {
        return w == null ? 0 : weight(new Packing.Vector(w));
    }
}
