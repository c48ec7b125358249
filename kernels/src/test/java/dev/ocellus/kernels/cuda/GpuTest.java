package dev.ocellus.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

class GpuTest {
    @BeforeEach
    void require() {
        CudaProvider.requireKernels();
    }

    @Test
    void listSaysWhatIsThere() {
        assertThat(Gpu.list()).isNotEmpty();
        GpuInfo info = Gpu.list().getFirst();
        assertThat(info.ordinal()).isZero();
        assertThat(info.name()).isNotBlank();
        assertThat(info.bytes()).isPositive();
        assertThat(info.computeCapability()).isBetween(80, 200);
        assertThat(info.multiprocessors()).isPositive();
        assertThat(info.sharedBytes()).isGreaterThanOrEqualTo(48 << 10);
        assertThat(info.driverVersion()).isGreaterThanOrEqualTo(12000);
        assertThat(info.toString()).startsWith("GPU 0, " + info.name());
        try (Gpu gpu = Gpu.open(0)) {
            assertThat(gpu.info()).isEqualTo(info);
        }
    }

    @Test
    void anUnknownNumberIsRefused() {
        for (int ordinal : new int[] {-1, 1000}) {
            assertThatThrownBy(() -> Gpu.open(ordinal))
                    .isInstanceOf(CudaUnavailableException.class)
                    .hasMessageStartingWith("no GPU " + ordinal + "; there ");
        }
    }

    @Test
    void aClosedGpuRefusesWork() {
        Gpu gpu = Gpu.open(0);
        GpuStream stream = gpu.newStream();
        gpu.close();
        gpu.close();
        stream.close();
        assertThatThrownBy(stream::synchronize)
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("GPU 0 has been closed");
        assertThatThrownBy(gpu::newStream).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void unknownKernelsAreNamed() {
        try (Gpu gpu = Gpu.open(0)) {
            assertThatThrownBy(() -> gpu.function("nothing", "at_all"))
                    .isInstanceOf(CudaException.class)
                    .hasMessageContaining("nothing.ptx")
                    .hasMessageContaining("kernels/cuda/ptx.sh");
            assertThatThrownBy(() -> gpu.function("pointwise", "at_all"))
                    .isInstanceOf(CudaException.class)
                    .hasMessageContaining("pointwise.ptx has no kernel at_all");
        }
    }

    @Test
    void whyPtxIsRefused() {
        GpuInfo info = new GpuInfo(0, "Old", 1L << 30, 7, 5, 10, 65536, 11080);
        // The driver's numbers of these errors.
        assertThat(GpuModules.refusal(222, info, "norm"))
                .isInstanceOf(PtxVersionException.class)
                .hasMessage(
                        "GPU 0, Old, 1.0 GiB, compute capability 7.5, driver for CUDA 11.8: the"
                                + " driver does not know the PTX version of norm.ptx; install"
                                + " driver 525 or newer");
        assertThat(GpuModules.refusal(209, info, "norm"))
                .isInstanceOf(PtxVersionException.class)
                .hasMessageContaining("compute capability 8.0 or newer");
        assertThat(GpuModules.refusal(209, info, "attention_sm90a"))
                .hasMessageEndingWith(
                        "attention_sm90a.ptx is for other GPUs, of compute capability 9.0");
    }

    @Test
    void newerGpusRunNewerPtxWhereThereIsSome() {
        assertThat(GpuModules.variant("norm", 80)).isEqualTo("norm");
        assertThat(GpuModules.variant("norm", 89)).isEqualTo("norm");
        assertThat(GpuModules.variant("norm", 90)).isEqualTo("norm.sm_90");
        assertThat(GpuModules.variant("norm", 120)).isEqualTo("norm.sm_90");
        assertThat(GpuModules.variant("image", 90)).isEqualTo("image");
    }

    @ParameterizedTest
    @ValueSource(ints = {80, 90, 120})
    void kernelsOfEveryVariantRun(int capability) {
        SoftGpu.requireSoftware();
        SoftGpu.capability(capability);
        try (Arena arena = Arena.ofConfined();
                Gpu gpu = Gpu.open(0);
                GpuStream stream = gpu.newStream()) {
            assertThat(gpu.info().computeCapability()).isEqualTo(capability);
            ScaleWork work = new ScaleWork(gpu, arena, 40);
            MemorySegment ones = work.filled(stream, 1);
            MemorySegment x = work.filled(stream, 2);
            work.bind(x.address(), x, ones).enqueue(stream);
            assertThat(work.read(stream, x)).containsOnly(5);
        } finally {
            SoftGpu.defaults();
        }
    }

    @Test
    void moreSharedMemoryThanThereIsIsRefused() {
        try (Gpu gpu = Gpu.open(0);
                Arena arena = Arena.ofConfined()) {
            GpuFunction function = gpu.function("pointwise", "scale");
            MemorySegment arguments = arena.allocate(JAVA_LONG, 11);
            assertThatThrownBy(() -> KernelLaunch.of(function, Grid.of(1), 32, 1 << 30, arguments))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("pointwise.scale: 1073741824 bytes of shared memory");
        }
    }

    /** A kernel writes where nothing is: all later calls of this GPU say so, others go on. */
    @Test
    void aFaultEndsThisGpuAlone() {
        GpuFaultException fault;
        try (Arena arena = Arena.ofConfined();
                Gpu other = Gpu.open(0);
                GpuStream otherStream = other.newStream();
                Gpu gpu = Gpu.open(0);
                GpuStream stream = gpu.newStream()) {
            ScaleWork work = new ScaleWork(gpu, arena, 40);
            MemorySegment ones = work.filled(stream, 1);
            stream.synchronize();
            GpuWork wrong = work.bind(4096, ones, ones);
            fault =
                    catchThrowableOfType(
                            GpuFaultException.class,
                            () -> {
                                wrong.enqueue(stream);
                                stream.synchronize();
                            });
            assertThat(fault)
                    .hasMessageContaining("kernel pointwise.scale failed with CUDA_ERROR_");
            assertThat(fault.kernels()).containsExactly("pointwise.scale");
            assertThatExceptionOfType(GpuFaultException.class)
                    .isThrownBy(() -> gpu.memory().allocate(1, arena))
                    .withMessage(fault.getMessage())
                    .withCause(fault);
            assertThatExceptionOfType(GpuFaultException.class)
                    .isThrownBy(() -> work.zeros(stream))
                    .withMessage(fault.getMessage());
            ScaleWork otherWork = new ScaleWork(other, arena, 40);
            assertThat(otherWork.read(otherStream, otherWork.filled(otherStream, 7)))
                    .containsOnly(7);
        }
        try (Arena arena = Arena.ofConfined();
                Gpu gpu = Gpu.open(0);
                GpuStream stream = gpu.newStream()) {
            ScaleWork work = new ScaleWork(gpu, arena, 40);
            MemorySegment ones = work.filled(stream, 1);
            MemorySegment x = work.filled(stream, 2);
            work.bind(x.address(), x, ones).enqueue(stream);
            assertThat(work.read(stream, x)).containsOnly(5);
        }
    }
}
