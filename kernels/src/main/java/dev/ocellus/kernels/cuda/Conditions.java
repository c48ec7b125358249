package dev.ocellus.kernels.cuda;

/**
 * What a call may count on because of the calls around it.
 *
 * @param spareRows whether the operands have room for all rows of the capacity, and nobody needs
 *     what lies in those past the run-time count: they may be read, as anything, and overwritten
 */
record Conditions(boolean spareRows) {
    /** Of a call on its own. */
    static final Conditions NONE = new Conditions(false);
}
