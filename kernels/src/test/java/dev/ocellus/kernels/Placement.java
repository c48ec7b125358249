package dev.ocellus.kernels;

/** Where a test's operands lie, so that an access outside them is seen. */
enum Placement {
    /** The operand's last byte is the last one before a page that may not be touched. */
    ENDS_AT_GUARD,
    /** The operand's first byte is the first one after a page that may not be touched. */
    STARTS_AT_GUARD,
    /** One element further, so that vectors of more than one element are misaligned. */
    MISALIGNED
}
