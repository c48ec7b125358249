package dev.ocellus.kernels;

import dev.ocellus.tensor.DType;

/**
 * One use of a kernel: every operand bound to a place. A provider turns it into a {@link Launch}
 * once; the launch then runs many times.
 *
 * <p>Common rules:
 *
 * <ul>
 *   <li>Addresses are absolute ({@code MemorySegment.address()}); 0 stands for an absent optional
 *       operand. Activations are float32. Only weights, tables and caches have other types.
 *   <li>{@code ld*} is the distance between rows in elements, at least the row's width. Operands
 *       need no more than their element type's alignment, but for packed weights (64 bytes).
 *   <li>{@code rows} is a capacity. {@code rowCount} is the address of an int64 that holds the
 *       actual number of rows each time the launch runs (0 to {@code rows}), or 0 when all rows
 *       always count. Rows past the actual count are neither read nor written.
 *   <li>Nothing outside the stated operands is read or written, not even by a vector tail.
 *   <li>An output may be the same place as an input where stated as "in place"; else they don't
 *       overlap.
 *   <li><b>Row results do not depend on their company</b>: the bits of an output row depend only on
 *       the row's own inputs and on static arguments, never on the number of rows, on the position
 *       of the row in the batch, on the split among threads or on the run-time count. Sums over k
 *       or over keys therefore run in one fixed order. This makes prefix reuse, batching and
 *       chunked prefill exact.
 * </ul>
 *
 * The component order of each record is the layout of the native argument structure: every
 * component is eight bytes (int64 or double; enums as the ordinal).
 */
public sealed interface KernelCall {

    /** Dimensions of the run-time count: the address of an int64, or 0. */
    long rowCount();

    /** The capacity that the run-time count may not exceed. */
    long rows();

    /**
     * Linear layer with fused epilogue: {@code out[r,j] = residual[r,j] + scale[j] * act(sum_k
     * x[r,k] w[j,k] + bias[j])}.
     *
     * <p>{@code w} is packed as {@link Panels} say, {@code wType} F32, F16, BF16, Q8, Q4 or F8; the
     * last three have a compute type of their own, {@link ComputeType#ofBlocks}, and on the
     * processor F8 has no products. {@code bias}, {@code scale} (float32 [n]) and {@code residual}
     * are optional. {@code out} may be in place with {@code residual}. With {@code gated} 1, {@code
     * w} holds 2 n' rows (n' is n rounded up to 16) whose panels alternate gate, up, gate, up...;
     * then {@code out[r,j] = residual[r,j] + act(gate_j) * up_j}, and bias and scale must be 0. The
     * sum over k is one chain of fused multiply-adds in ascending k for {@link ComputeType#F32}.
     */
    record MatMul(
            long x,
            long ldx,
            long w,
            DType wType,
            long bias,
            long scale,
            long residual,
            long ldr,
            long out,
            long ldo,
            long rows,
            long rowCount,
            long n,
            long k,
            ComputeType compute,
            Activation activation,
            long gated)
            implements KernelCall {}

    /**
     * Root mean square normalisation of {@code groups} consecutive spans of {@code cols} values in
     * each row: {@code out = x / sqrt(mean(x^2) + eps) * weight}. {@code weight} is float32 [cols],
     * shared by the groups. In place allowed. (Zhang and Sennrich 2019.)
     */
    record RmsNorm(
            long x,
            long ldx,
            long weight,
            long out,
            long ldo,
            long rows,
            long rowCount,
            long groups,
            long cols,
            double eps)
            implements KernelCall {}

    /**
     * Layer normalisation with biased variance: {@code out = (x - mean) / sqrt(var + eps) * weight
     * + bias}; weight and bias are float32 [cols], bias optional. In place allowed. (Ba et al.
     * 2016.)
     */
    record LayerNorm(
            long x,
            long ldx,
            long weight,
            long bias,
            long out,
            long ldo,
            long rows,
            long rowCount,
            long cols,
            double eps)
            implements KernelCall {}

    /**
     * {@code out[r,c] = a[r,c] + b[r % bRows, c]}. In place with either operand allowed when bRows
     * equals rows.
     */
    record Add(
            long a,
            long lda,
            long b,
            long ldb,
            long bRows,
            long out,
            long ldo,
            long rows,
            long rowCount,
            long cols)
            implements KernelCall {}

    /**
     * {@code out[r,c] = residual[r,c] + x[r,c] * scale[c]}; scale is float32 [cols]; residual
     * optional. In place allowed.
     */
    record Scale(
            long x,
            long ldx,
            long scale,
            long residual,
            long ldr,
            long out,
            long ldo,
            long rows,
            long rowCount,
            long cols)
            implements KernelCall {}

    /** {@code out = act(x)}. In place allowed. */
    record Activate(
            long x,
            long ldx,
            long out,
            long ldo,
            long rows,
            long rowCount,
            long cols,
            Activation activation)
            implements KernelCall {}

    /** {@code out = act(gate) * up}. In place with either operand allowed. */
    record GatedActivate(
            long gate,
            long ldg,
            long up,
            long ldu,
            long out,
            long ldo,
            long rows,
            long rowCount,
            long cols,
            Activation activation)
            implements KernelCall {}

    /**
     * Cosines and sines of rotary embedding: for row r of sequence s = sequence[r] and j below
     * half, the angle is the float32 product {@code position[r] * invFreq[s, j]}; {@code out[r, j]
     * = cos(angle) * scale[s]}, {@code out[r, half + j] = sin(angle) * scale[s]}. {@code position}
     * and {@code sequence} are int32 [rows]; {@code invFreq} float32 [sequences, half]; {@code
     * scale} float32 [sequences]; {@code out} float32 [rows, 2 half] without gaps. Cosine and sine
     * are those of the float32 angle, right to 2 units in the last place for angles up to 2^22.
     */
    record RopeTable(
            long position,
            long sequence,
            long invFreq,
            long scale,
            long out,
            long rows,
            long rowCount,
            long half)
            implements KernelCall {}

    /**
     * Rotary embedding in the half-split form (Su et al. 2021): in each head of {@code headDim}
     * values the first {@code 2 half} are rotated, {@code out[j] = x[j] cos_j - x[half+j] sin_j},
     * {@code out[half+j] = x[half+j] cos_j + x[j] sin_j}; the rest is copied. {@code table} is
     * {@link RopeTable}'s output. In place allowed.
     */
    record Rope(
            long x,
            long ldx,
            long table,
            long out,
            long ldo,
            long rows,
            long rowCount,
            long heads,
            long headDim,
            long half)
            implements KernelCall {}

    /**
     * Writes keys and values into the pages of a cache. Row r belongs to sequence s = sequence[r]
     * (int32) and takes slot t = slot[r] (int32) of it. The page's address is {@code pages[s *
     * maxPages + t / pageTokens]} (int64), {@code pageTokens} 4, 8 or a multiple of 16; the keys of
     * all heads begin at {@code page + kOffset}, the values at {@code page + vOffset}, laid out as
     * {@link KvPanels} says. {@code cacheType} F32, BF16 or F16 (nearest even), or Q8.
     */
    record KvAppend(
            long k,
            long ldk,
            long v,
            long ldv,
            long sequence,
            long slot,
            long pages,
            long maxPages,
            long pageTokens,
            long kOffset,
            long vOffset,
            DType cacheType,
            long rows,
            long rowCount,
            long kvHeads,
            long headDim)
            implements KernelCall {}

    /**
     * Causal attention over a paged cache laid out as in {@link KvAppend}: row r attends to slots 0
     * to slot[r] of its sequence, with {@code window} above 0 only to the last {@code window} of
     * them. Query head h uses key/value head {@code h / (heads / kvHeads)}; {@code softmax(scale *
     * q k) v} with a positive scale, streaming softmax, no score matrix. Rows of one sequence are
     * consecutive.
     *
     * <p>{@link ComputeType#BF16} needs a BF16 or Q8 cache: queries, the unnormalised weights of
     * the softmax (at most 1) and the elements of a Q8 cache are rounded to bfloat16; sums and the
     * softmax stay float32.
     */
    record PagedAttention(
            long q,
            long ldq,
            long sequence,
            long slot,
            long pages,
            long maxPages,
            long pageTokens,
            long kOffset,
            long vOffset,
            DType cacheType,
            long out,
            long ldo,
            long rows,
            long rowCount,
            long heads,
            long kvHeads,
            long headDim,
            double scale,
            long window,
            ComputeType compute)
            implements KernelCall {}

    /**
     * Full (unmasked) attention inside segments: {@code rows} segments, each with {@code
     * queryLength} query rows and {@code keyLength} key rows that follow one another ({@code q} is
     * [rows * queryLength, ldq]). {@code rowCount} counts segments. Streaming softmax, no score
     * matrix. {@link ComputeType#BF16} rounds the factors of both products to bfloat16, as in
     * {@link PagedAttention}.
     */
    record Attention(
            long q,
            long ldq,
            long k,
            long ldk,
            long v,
            long ldv,
            long out,
            long ldo,
            long rows,
            long rowCount,
            long queryLength,
            long keyLength,
            long heads,
            long kvHeads,
            long headDim,
            double scale,
            ComputeType compute)
            implements KernelCall {}

    /**
     * Embedding look-up: {@code out[r] = table[ids[r]]}, ids int32. {@code packed} 1: the table is
     * a matrix [tableRows, cols] packed as {@link Panels} say; 0: plain rows. {@code tableType}
     * F32, F16 or BF16, and Q8, Q4 or F8 if packed. The caller has checked that ids are in range.
     */
    record Gather(
            long table,
            DType tableType,
            long packed,
            long tableRows,
            long ids,
            long out,
            long ldo,
            long rows,
            long rowCount,
            long cols)
            implements KernelCall {}

    /**
     * Chooses rows: {@code out[r] = index[r] < 0 ? x[r] : y[index[r]]}, index int32. {@code x} may
     * be 0 if no index is negative. In place with x allowed.
     */
    record SelectRows(
            long x,
            long ldx,
            long y,
            long ldy,
            long index,
            long out,
            long ldo,
            long rows,
            long rowCount,
            long cols)
            implements KernelCall {}

    /**
     * Cuts images into patches: {@code pixels} float32 [rows, channels, height, width] without
     * gaps; {@code out} [rows * gh * gw, ldo] with gh = height / patch, gw = width / patch; row
     * (image, y, x) holds the patch in the order channel, ky, kx.
     */
    record Patchify(
            long pixels,
            long out,
            long ldo,
            long rows,
            long rowCount,
            long channels,
            long height,
            long width,
            long patch)
            implements KernelCall {}

    /**
     * Token sequence of a vision transformer: for each of {@code rows} images {@code out[0] = cls +
     * position[0]}, {@code out[1 + i] = patches[i] + position[1 + i]}; {@code cls} float32 [cols],
     * {@code position} float32 [1 + tokens, cols] without gaps; {@code patches} has rows * tokens
     * rows, {@code out} rows * (1 + tokens).
     */
    record AssembleTokens(
            long patches,
            long ldp,
            long cls,
            long position,
            long out,
            long ldo,
            long rows,
            long rowCount,
            long tokens,
            long cols)
            implements KernelCall {}

    /**
     * Pixel unshuffle of token grids: each of {@code rows} images has {@code skip + height * width}
     * input rows of {@code cols} values; the first {@code skip} are left out. Output cell (Y, X) of
     * the grid [height / block, width / block] is the concatenation over (dy, dx) in block x block,
     * y first, of source cells (Y block + dy, X block + dx); {@code out} has height * width /
     * block^2 rows an image. With {@code transposed} 1 the cell goes to place (X, Y) instead, the
     * InternVL "v1" order.
     */
    record PixelUnshuffle(
            long x,
            long ldx,
            long out,
            long ldo,
            long rows,
            long rowCount,
            long skip,
            long height,
            long width,
            long cols,
            long block,
            long transposed)
            implements KernelCall {}

    /**
     * Packs rows of a stored matrix: {@code src} has {@code rows} rows of k elements of {@code
     * sourceType} (F32, F16 or BF16) without gaps, any alignment; they fill panels {@code
     * firstPanel, firstPanel + panelStride, ...} of the packed matrix at {@code dst}, which is of
     * {@code panelType}: the same type, or Q8, Q4 or F8, to which values are rounded as {@link
     * Panels} say. A last panel that is not full is filled with zero rows. One unit is one panel.
     */
    record PackPanels(
            long src,
            DType sourceType,
            long dst,
            DType panelType,
            long firstPanel,
            long panelStride,
            long rows,
            long rowCount,
            long k)
            implements KernelCall {}

    /**
     * Horizontal pass of resampling an 8-bit RGB image with the fixed-point arithmetic of Pillow:
     * sample c of output pixel j of a row is {@code clip((2^21 + sum_t weights[j,t] * x[first[j] +
     * t, c]) >> 22)}, clipped to 0 to 255.
     *
     * <p>{@code x} is uint8 RGB pixels, {@code inCols} a row, {@code ldx} bytes between rows.
     * {@code first} is int32 [cols], {@code weights} int32 [cols, taps], each less than 2^23 - 2^16
     * in magnitude; {@code taps} and every {@code first} are multiples of 4, and weights of pixels
     * past the row are zero. The result lies in quads of rows, {@code ldo} bytes apart: a quad is
     * uint8 [3 cols, 4], four rows of each sample. Rows that a last quad lacks are zero. One unit
     * is 16 rows.
     */
    record ResizeRows(
            long x,
            long ldx,
            long first,
            long weights,
            long taps,
            long out,
            long ldo,
            long rows,
            long rowCount,
            long inCols,
            long cols)
            implements KernelCall {}

    /**
     * Vertical pass of resampling an 8-bit RGB image, and its conversion to planes: sample s of
     * output row r is {@code clip((2^21 + sum_t weights[r,t] * x[first[r] + t, s]) >> 22)}; sample
     * c of pixel j becomes {@code out[c * planeStride + r * ldo + j] = table[c, sample]}.
     *
     * <p>{@code x} is rows in quads as {@link ResizeRows} leaves them, {@code ldx} bytes apart, of
     * which {@code ring} are kept: row i is in quad {@code i / 4 % ring}. {@code first} is int32
     * [rows], {@code weights} int32 [rows, taps], with the rules of {@link ResizeRows}; {@code
     * taps} is at most {@code 4 ring}. {@code table} is float32 [3, 256], {@code cols} the number
     * of pixels. One unit is one row.
     */
    record ResizePlanes(
            long x,
            long ldx,
            long ring,
            long first,
            long weights,
            long taps,
            long table,
            long out,
            long ldo,
            long planeStride,
            long rows,
            long rowCount,
            long cols)
            implements KernelCall {}

    /**
     * Convolution of images with channels last: {@code out[b,y,x,j] = residual[b,y,x,j] +
     * act(bias[j] + sum over ky, kx, c of input[b, y * stride - padTop + ky * dilation, x * stride
     * - padLeft + kx * dilation, c] * w[j, ky, kx, c])}; the input is zero outside the image.
     *
     * <p>{@code x} is float32 [rows, height, width, inCols] with {@code ldx} elements between
     * pixels, {@code out} [rows, outHeight, outWidth, n] likewise, {@code residual} (optional) as
     * {@code out}. {@code w} is a matrix [n, kernelHeight * kernelWidth * inCols] packed as {@link
     * Panels} say, {@code wType} F32, F16 or BF16; {@code bias} is optional. What padding there is
     * below and to the right follows from the size of {@code out}. {@code out} may be in place with
     * {@code residual}. The sum is one chain of fused multiply-adds in the order ky, kx, c for
     * {@link ComputeType#F32}, in which padding takes part. {@code rowCount} counts images.
     */
    record Conv2d(
            long x,
            long ldx,
            long w,
            DType wType,
            long bias,
            long residual,
            long ldr,
            long out,
            long ldo,
            long rows,
            long rowCount,
            long height,
            long width,
            long inCols,
            long outHeight,
            long outWidth,
            long n,
            long kernelHeight,
            long kernelWidth,
            long stride,
            long dilation,
            long padTop,
            long padLeft,
            ComputeType compute,
            Activation activation)
            implements KernelCall {

        /** Columns of the weights. */
        public long k() {
            return kernelHeight * kernelWidth * inCols;
        }
    }

    /**
     * Group normalisation of images with channels last: {@code out = act((x - mean) / sqrt(var +
     * eps) * weight + bias)} with the mean and biased variance of all pixels of an image and the
     * cols / groups neighbouring channels of a group. {@code x} and {@code out} are [rows, pixels,
     * cols] with {@code ldx} and {@code ldo} elements between pixels; {@code weight} and {@code
     * bias} float32 [cols]. In place allowed. {@code rowCount} counts images. (Wu and He 2018.)
     */
    record GroupNorm(
            long x,
            long ldx,
            long weight,
            long bias,
            long out,
            long ldo,
            long rows,
            long rowCount,
            long pixels,
            long cols,
            long groups,
            double eps,
            Activation activation)
            implements KernelCall {}

    /**
     * Chooses the token that follows each row of logits: repetition penalty, temperature, top-k,
     * top-p and min-p, in this order, then a draw with Philox 4x32-10 (Salmon et al. 2011) of the
     * row's seed and step. For GPUs; on the processor the caller chooses.
     *
     * <p>Logits that are not a number count as minus infinity. Of equal tokens the first is the
     * best. Weights are summed in fixed point, so that the token does not depend on the order of a
     * sum.
     *
     * @param logits float32 [rows, ldl], {@code ldl} elements between rows
     * @param options as {@link SampleOptions#write} lays them out, for each row; read each time
     * @param tokens int32 [rows], receives the tokens; -1 where no logit is above minus infinity
     * @param candidates how many of the most likely tokens are wanted beside, at most {@value
     *     #MAX_CANDIDATES} and the vocabulary; 0 for none
     * @param candidateIds int32 [rows, candidates], the most likely first, equal ones by id; -1
     *     where the token is
     * @param candidateScores float32 [rows, candidates], the logarithms of their probabilities
     *     after penalty and temperature; of no meaning where a logit is infinite
     * @param vocabulary number of tokens, less than 2^26
     */
    record Sample(
            long logits,
            long ldl,
            long options,
            long tokens,
            long candidates,
            long candidateIds,
            long candidateScores,
            long rows,
            long rowCount,
            long vocabulary)
            implements KernelCall {
        public static final int MAX_CANDIDATES = 1024;

        private static final long MAX_VOCABULARY = 1L << 26;

        public Sample {
            if (vocabulary < 1 || vocabulary >= MAX_VOCABULARY) {
                throw new IllegalArgumentException(
                        "a vocabulary of %d tokens; 1 to %d can be sampled on a GPU"
                                .formatted(vocabulary, MAX_VOCABULARY - 1));
            }
            if (candidates < 0 || candidates > Math.min(MAX_CANDIDATES, vocabulary)) {
                throw new IllegalArgumentException(
                        "%d candidates of %d tokens; %d at most"
                                .formatted(
                                        candidates,
                                        vocabulary,
                                        Math.min(MAX_CANDIDATES, vocabulary)));
            }
        }
    }
}
