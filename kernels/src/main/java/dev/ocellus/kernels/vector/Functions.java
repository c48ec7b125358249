package dev.ocellus.kernels.vector;

import dev.ocellus.kernels.Activation;
import dev.ocellus.kernels.scalar.Memory;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.util.stream.Stream;

/**
 * Pointwise functions of float32 vectors, in place. Relative errors stay below 3e-7 where the
 * result is normal; the approximations are those of {@code kernels/c/vmath.h}.
 */
final class Functions {
    /** Adding and subtracting it rounds to an integer, which its low bits then hold. */
    private static final float ROUND = 0x1.8p23f;

    private static final int EXPONENT_SHIFT = 23;
    private static final int EXPONENT_OF_ONE = 127 << EXPONENT_SHIFT;

    // Coefficients by power. As constants they cost the compiler less than broadcasts in a loop.
    private static final FloatVector TAIL_8 = Lanes.all(0.02080691792f);
    private static final FloatVector TAIL_7 = Lanes.all(-0.071043156085f);
    private static final FloatVector TAIL_6 = Lanes.all(0.04383319989f);
    private static final FloatVector TAIL_5 = Lanes.all(0.041861284525f);
    private static final FloatVector TAIL_4 = Lanes.all(0.041355066f);
    private static final FloatVector TAIL_3 = Lanes.all(0.0960624665f);
    private static final FloatVector TAIL_2 = Lanes.all(0.10110731423f);
    private static final FloatVector TAIL_1 = Lanes.all(0.1131984666f);
    private static final FloatVector TAIL_0 = Lanes.all(0.11281847954f);
    private static final FloatVector EXP_6 = Lanes.all(0.0013933751f);
    private static final FloatVector EXP_5 = Lanes.all(0.008369237f);
    private static final FloatVector EXP_4 = Lanes.all(0.041666463f);
    private static final FloatVector EXP_3 = Lanes.all(0.16666505f);
    private static final FloatVector EXP2_6 = Lanes.all(0.000154532624f);
    private static final FloatVector EXP2_5 = Lanes.all(0.00133909782f);
    private static final FloatVector EXP2_4 = Lanes.all(0.00961808237f);
    private static final FloatVector EXP2_3 = Lanes.all(0.055503569f);
    private static final FloatVector EXP2_2 = Lanes.all(0.240226508f);
    private static final FloatVector EXP2_1 = Lanes.all(0.693147188f);

    /** The loop of each activation, {@code (long x, long bytes)}: compiled on its own. */
    private static final MethodHandle[] LOOPS =
            Stream.of(Activation.values()).map(Functions::loop).toArray(MethodHandle[]::new);

    private static MethodHandle loop(Activation activation) {
        String name =
                switch (activation) {
                    case NONE -> "nothing";
                    case GELU -> "gelu";
                    case QUICK_GELU -> "quickGelu";
                    case SILU -> "silu";
                    case GELU_TANH -> "geluTanh";
                    case RELU -> "relu";
                };
        return Handles.of(MethodHandles.lookup(), name, void.class, 2);
    }

    /** {@code x = act(x)} for {@code bytes} bytes, whole vectors. */
    static void activateWhole(Activation activation, long x, long bytes) {
        try {
            LOOPS[activation.ordinal()].invokeExact(x, bytes);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    /** {@code x = act(x)} for any number of bytes; the last part of a vector is done elsewhere. */
    static void activate(Activation activation, long x, long bytes) {
        long whole = Lanes.whole(bytes);
        activateWhole(activation, x, whole);
        if (whole < bytes) {
            long last = Workspace.address();
            Memory.copy(x + whole, last, bytes - whole);
            activateWhole(activation, last, Lanes.BYTES);
            Memory.copy(last, x + whole, bytes - whole);
        }
    }

    private static void nothing(long x, long bytes) {}

    private static void relu(long x, long bytes) {
        FloatVector zero = FloatVector.zero(Lanes.FLOATS);
        for (long p = x, end = x + bytes; p < end; p += Lanes.BYTES) {
            FloatVector v = Lanes.load(p);
            Lanes.store(p, v.blend(zero, v.compare(VectorOperators.LT, zero)));
        }
    }

    private static void silu(long x, long bytes) {
        sigmoidProduct(x, bytes, 1);
    }

    private static void quickGelu(long x, long bytes) {
        sigmoidProduct(x, bytes, 1.702f);
    }

    /** x * sigmoid(slope * x). */
    private static void sigmoidProduct(long x, long bytes, float slope) {
        FloatVector factor = Lanes.all(-slope);
        for (long p = x, end = x + bytes; p < end; p += Lanes.BYTES) {
            FloatVector v = Lanes.load(p);
            FloatVector e = exp(v.mul(factor));
            Lanes.store(p, v.div(e.add(1)));
        }
    }

    /** x/2 (1 + tanh u) = x sigmoid(2 u). */
    private static void geluTanh(long x, long bytes) {
        for (long p = x, end = x + bytes; p < end; p += Lanes.BYTES) {
            FloatVector v = Lanes.load(p);
            FloatVector u = v.mul(v).mul(v).mul(0.044715f).add(v);
            FloatVector e = exp(u.mul(-2 * 0.7978845608f));
            Lanes.store(p, v.div(e.add(1)));
        }
    }

    /**
     * x/2 (1 + erf(x / sqrt 2)) = max(x, 0) - |x|/2 erfc(|x| / sqrt 2), where nothing cancels. With
     * z = |x| / sqrt 2, erfc(z) / 2 is e^(-z^2) times a polynomial in 1 / (1 + 0.4 z): a least
     * squares fit of the relative error up to z = 10. The form is that of Hastings (Approximations
     * for Digital Computers, 1955).
     */
    private static void gelu(long x, long bytes) {
        FloatVector zero = Lanes.all(0);
        FloatVector one = Lanes.all(1);
        FloatVector half = Lanes.all(-0.5f);
        FloatVector most = Lanes.all(13.2f);
        for (long i = x, end = x + bytes; i < end; i += Lanes.BYTES) {
            FloatVector v = Lanes.load(i);
            // Past this the tail is below 1e-37.
            FloatVector size = v.abs().min(most);
            FloatVector t = one.div(size.fma(Lanes.all(0.28284271f), one));
            FloatVector p = TAIL_8;
            p = p.fma(t, TAIL_7);
            p = p.fma(t, TAIL_6);
            p = p.fma(t, TAIL_5);
            p = p.fma(t, TAIL_4);
            p = p.fma(t, TAIL_3);
            p = p.fma(t, TAIL_2);
            p = p.fma(t, TAIL_1);
            p = p.fma(t, TAIL_0);
            FloatVector tail = size.mul(p).mul(t).mul(expInRange(size.mul(size).mul(half)));
            Lanes.store(i, v.max(zero).sub(tail));
        }
    }

    /** e^x: infinite from 88.4 on, zero below -87.7. */
    private static FloatVector exp(FloatVector x) {
        x = x.blend(89, x.compare(VectorOperators.GT, 89));
        return expInRange(x.blend(-88, x.compare(VectorOperators.LT, -88)));
    }

    /**
     * e^x for x from -88 to 89. The argument is reduced to |r| <= ln(2)/2 with ln 2 in two parts,
     * the first of which times any n that occurs is exact; the polynomial is a Chebyshev fit of
     * (e^r - 1)/r, so that e^0 is 1.
     */
    private static FloatVector expInRange(FloatVector x) {
        FloatVector round = Lanes.all(ROUND);
        FloatVector one = Lanes.all(1);
        FloatVector shifted = x.fma(Lanes.all(1.44269504f), round);
        FloatVector n = shifted.sub(round);
        FloatVector r = n.fma(Lanes.all(-0.693359375f), x);
        r = n.fma(Lanes.all(2.12194440e-4f), r);
        FloatVector p = EXP_6;
        p = p.fma(r, EXP_5);
        p = p.fma(r, EXP_4);
        p = p.fma(r, EXP_3);
        p = p.fma(r, Lanes.all(0.5f));
        p = p.fma(r, one);
        p = p.fma(r, one);
        return p.mul(powerOfTwo(shifted));
    }

    /** 2^x for x <= 0 or not a number, in the same way; zero below -127. */
    static FloatVector exp2Negative(FloatVector x) {
        x = x.blend(-127, x.compare(VectorOperators.LT, -127));
        FloatVector round = Lanes.all(ROUND);
        FloatVector shifted = x.add(round);
        FloatVector r = x.sub(shifted.sub(round));
        FloatVector p = EXP2_6;
        p = p.fma(r, EXP2_5);
        p = p.fma(r, EXP2_4);
        p = p.fma(r, EXP2_3);
        p = p.fma(r, EXP2_2);
        p = p.fma(r, EXP2_1);
        p = p.fma(r, Lanes.all(1));
        return p.mul(powerOfTwo(shifted));
    }

    /** 2^n for n from -127, where it is zero, to 128, where it is infinite. */
    private static FloatVector powerOfTwo(FloatVector nPlusRound) {
        return nPlusRound
                .reinterpretAsInts()
                .lanewise(VectorOperators.LSHL, EXPONENT_SHIFT)
                .add(EXPONENT_OF_ONE)
                .reinterpretAsFloats();
    }

    private Functions() {}
}
