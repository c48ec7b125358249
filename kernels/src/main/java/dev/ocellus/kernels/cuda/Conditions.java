package dev.ocellus.kernels.cuda;

/**
 * What a call may count on, and has to do, because of the calls around it.
 *
 * <p>An output left in bfloat16 has each row where its float32 row would begin: its rows are {@code
 * 2 ldo} elements apart.
 *
 * @param spareRows whether the operands have room for all rows of the capacity, and nobody needs
 *     what lies in those past the run-time count: they may be read, as anything, and overwritten
 * @param xRounded whether the activations of a product are an output left in bfloat16
 * @param roundOut whether to leave the output in bfloat16
 */
record Conditions(boolean spareRows, boolean xRounded, boolean roundOut) {
    /** Of a call on its own. */
    static final Conditions NONE = new Conditions(false, false, false);
}
