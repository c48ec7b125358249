package dev.ocellus.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.ocellus.kernels.Activation;
import dev.ocellus.kernels.cuda.Blas.Factors;
import dev.ocellus.kernels.cuda.Blas.Product;
import dev.ocellus.tensor.Conversions;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;

/** Products of the libraries, with numbers that every type holds exactly. */
class BlasTest {
    private static final long WORKSPACE = 1 << 20;
    private static final long ROWS = 32;
    private static final long N = 48;
    private static final long K = 80;
    private static final long LDX = 96;
    private static final long LDW = 80;
    private static final long LDC = 56;
    private static final long LDY = 64;

    private Gpu gpu;
    private GpuStream stream;
    private Arena arena;

    @BeforeEach
    void open() {
        SoftGpu.require();
        gpu = Gpu.open(0);
        stream = gpu.newStream();
        arena = Arena.ofConfined();
    }

    @AfterEach
    void close() {
        if (gpu != null) {
            arena.close();
            stream.close();
            gpu.close();
        }
    }

    private static Blas open(Blas.Provider provider, Gpu gpu) {
        return switch (provider) {
            case CUBLASLT -> CublasLtBlas.open(gpu, WORKSPACE);
            case JCUBLAS -> JcublasBlas.open(gpu, WORKSPACE);
        };
    }

    static Stream<Arguments> providersAndFactors() {
        List<Arguments> all = new ArrayList<>();
        for (Blas.Provider provider : Blas.Provider.values()) {
            for (Factors factors : Factors.values()) {
                all.add(Arguments.of(provider, factors));
            }
        }
        return all.stream();
    }

    private static Product product(Factors factors, int beta, boolean bias, Activation activation) {
        return product(factors, beta, 0, bias, activation);
    }

    private static Product product(
            Factors factors, int beta, long ldc, boolean bias, Activation activation) {
        return new Product(factors, ROWS, N, K, LDX, LDW, LDY, beta, ldc, bias, activation);
    }

    @ParameterizedTest
    @MethodSource("providersAndFactors")
    void products(Blas.Provider provider, Factors factors) {
        try (Blas blas = open(provider, gpu)) {
            for (Activation activation : Activation.values()) {
                for (int choice = 0; choice < 6; choice++) {
                    int beta = choice % 3 == 0 ? 0 : 1;
                    long ldc = choice % 3 == 2 ? LDC : 0;
                    Product p = product(factors, beta, ldc, choice / 3 == 1, activation);
                    assertThat(blas.supports(p)).isEqualTo(expectedSupport(provider, p));
                    if (blas.supports(p)) {
                        check(blas, p);
                    }
                }
            }
        }
    }

    private static boolean expectedSupport(Blas.Provider provider, Product p) {
        boolean plain = !p.bias() && p.activation() == Activation.NONE;
        if (provider == Blas.Provider.JCUBLAS) {
            return plain && p.ldc() == 0 && p.factors() != Factors.FP8;
        }
        return switch (p.factors()) {
            case INT8, FP8 -> plain;
            default ->
                    p.activation() == Activation.NONE
                            || p.activation() == Activation.RELU
                            || p.activation() == Activation.GELU_TANH;
        };
    }

    private void check(Blas blas, Product p) {
        float[] x = numbers(ROWS * LDX, 1);
        float[] w = numbers(N * LDW, 2);
        float[] bias = numbers(N, 3);
        float[] y = numbers(ROWS * LDY, 4);
        float[] c = numbers(ROWS * LDC, 5);
        Factors results = p.factors() == Factors.INT8 ? Factors.INT8 : Factors.F32;
        MemorySegment result = device(y, results, true);
        MemorySegment added = p.ldc() == 0 ? result : device(c, results, true);
        boolean scaled = p.factors() == Factors.FP8;
        Blas.Operands at =
                new Blas.Operands(
                        device(x, p.factors(), false).address(),
                        device(w, p.factors(), false).address(),
                        p.bias() ? device(bias, Factors.F32, false).address() : 0,
                        added.address(),
                        result.address(),
                        scaled ? device(new float[] {0.5f}, Factors.F32, false).address() : 0,
                        scaled ? device(new float[] {4}, Factors.F32, false).address() : 0,
                        gpu.memory().allocate(WORKSPACE, arena).address());
        GpuWork work = blas.bind(p, at, arena);
        work.enqueue(stream);
        MemorySegment host = arena.allocate(result.byteSize(), 8);
        stream.copyOut(host, result);
        stream.synchronize();
        for (int r = 0; r < ROWS; r++) {
            for (int j = 0; j < LDY; j++) {
                int i = (int) (r * LDY + j);
                float actual =
                        p.factors() == Factors.INT8
                                ? host.getAtIndex(JAVA_INT, i)
                                : host.getAtIndex(JAVA_FLOAT, i);
                double expected =
                        j < N ? expected(p, x, w, bias, p.ldc() == 0 ? y : c, r, j) : y[i];
                assertThat((double) actual)
                        .as("%s, row %d, column %d", work.name(), r, j)
                        .isCloseTo(expected, within(1e-5 * Math.abs(expected) + 1e-4));
            }
        }
    }

    private static double expected(
            Product p, float[] x, float[] w, float[] bias, float[] c, int r, int j) {
        double sum = 0;
        for (int i = 0; i < K; i++) {
            sum += x[(int) (r * LDX + i)] * w[(int) (j * LDW + i)];
        }
        if (p.factors() == Factors.FP8) {
            sum *= 2;
        }
        long ldc = p.ldc() == 0 ? p.ldy() : p.ldc();
        sum += p.beta() * c[(int) (r * ldc + j)] + (p.bias() ? bias[j] : 0);
        return switch (p.activation()) {
            case NONE -> sum;
            case RELU -> Math.max(0, sum);
            default ->
                    sum
                            / 2
                            * (1
                                    + Math.tanh(
                                            Math.sqrt(2 / Math.PI)
                                                    * (sum + 0.044715 * sum * sum * sum)));
        };
    }

    /** Whole numbers from -4 to 4. */
    private static float[] numbers(long n, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        float[] values = new float[(int) n];
        for (int i = 0; i < n; i++) {
            values[i] = random.nextInt(-4, 5);
        }
        return values;
    }

    private MemorySegment device(float[] values, Factors type, boolean result) {
        MemorySegment host = arena.allocate(values.length * 4L, 8);
        long size =
                switch (type) {
                    case F32, TF32 -> 4;
                    case F16, BF16 -> 2;
                    case INT8 -> result ? 4 : 1;
                    case FP8 -> 1;
                };
        for (int i = 0; i < values.length; i++) {
            float v = values[i];
            switch (type) {
                case F32, TF32 -> host.setAtIndex(JAVA_FLOAT, i, v);
                case F16 -> host.setAtIndex(JAVA_SHORT, i, Conversions.floatToF16(v));
                case BF16 -> host.setAtIndex(JAVA_SHORT, i, Conversions.floatToBf16(v));
                case INT8 -> {
                    if (result) {
                        host.setAtIndex(JAVA_INT, i, (int) v);
                    } else {
                        host.set(JAVA_BYTE, i, (byte) v);
                    }
                }
                case FP8 -> host.set(JAVA_BYTE, i, e4m3(v));
            }
        }
        MemorySegment device = gpu.memory().allocate(values.length * size, arena);
        stream.copyIn(device, host.asSlice(0, values.length * size));
        stream.synchronize();
        return device;
    }

    /** Of a number that float8 holds exactly. */
    private static byte e4m3(float v) {
        int bits = Float.floatToIntBits(Math.abs(v));
        int exponent = (bits >> 23) - 127 + 7;
        return v == 0 ? 0 : (byte) ((v < 0 ? 0x80 : 0) | exponent << 3 | bits >> 20 & 7);
    }

    @Test
    void float8AndInt8NeedWholeVectors() {
        try (Blas blas = open(Blas.Provider.CUBLASLT, gpu)) {
            for (Factors factors : List.of(Factors.FP8, Factors.INT8)) {
                Product odd =
                        new Product(
                                factors,
                                ROWS,
                                N,
                                K - 2,
                                LDX,
                                LDW,
                                LDY,
                                0,
                                0,
                                false,
                                Activation.NONE);
                assertThat(blas.supports(odd)).isFalse();
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Blas.Provider.class)
    void aProductCanBeCaptured(Blas.Provider provider) {
        try (Blas blas = open(provider, gpu)) {
            Product p = product(Factors.BF16, 0, false, Activation.NONE);
            float[] ones = new float[(int) (N * LDX)];
            Arrays.fill(ones, 1);
            MemorySegment y = device(new float[(int) (ROWS * LDY)], Factors.F32, false);
            MemorySegment x = device(ones, Factors.BF16, false);
            long workspace = gpu.memory().allocate(WORKSPACE, arena).address();
            GpuWork work =
                    blas.bind(
                            p,
                            Blas.Operands.of(x.address(), x.address(), 0, y.address(), workspace),
                            arena);
            stream.beginCapture();
            work.enqueue(stream);
            try (GpuGraph graph = stream.endCapture()) {
                graph.enqueue(stream);
                MemorySegment host = arena.allocate(y.byteSize(), 4);
                stream.copyOut(host, y);
                stream.synchronize();
                assertThat(host.get(JAVA_FLOAT, 0)).isEqualTo(K);
            }
        }
    }

    @Test
    void theLibraryIsChosenByProperty() {
        assertThat(chosen("cublaslt")).startsWith("cuBLASLt ");
        assertThat(chosen("jcublas")).startsWith("cuBLAS ").endsWith("through JCublas");
        assertThat(chosen("")).startsWith("cuBLASLt ");
        assertThat(chosen("none")).isEqualTo("own kernels, as ocellus.cuda.blas=none says");
        assertThatThrownBy(() -> chosen("mkl"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("ocellus.cuda.blas is 'mkl'; it can be cublaslt, jcublas or none");
    }

    private String chosen(String property) {
        String before = System.getProperty(Blas.PROPERTY);
        System.setProperty(Blas.PROPERTY, property);
        try {
            Blas.Choice choice = Blas.choose(gpu);
            if (choice.blas() != null) {
                choice.blas().close();
            }
            assertThat(choice.blas() == null).isEqualTo(property.equals("none"));
            return choice.description();
        } finally {
            if (before == null) {
                System.clearProperty(Blas.PROPERTY);
            } else {
                System.setProperty(Blas.PROPERTY, before);
            }
        }
    }
}
