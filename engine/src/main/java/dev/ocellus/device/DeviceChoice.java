package dev.ocellus.device;

import dev.ocellus.kernels.cuda.CudaUnavailableException;
import dev.ocellus.kernels.cuda.Gpu;
import dev.ocellus.kernels.cuda.GpuInfo;

import java.util.List;

/**
 * Which device a model is to run on, as users write it: {@code auto}, {@code cpu}, {@code cuda} or
 * {@code cuda:1}. What is named is never replaced by another. {@code auto} is the first GPU whose
 * kernels are here, else the processor; the property {@value #PROPERTY} says what it is instead.
 *
 * @param ordinal number of the GPU; 0 for others
 */
public record DeviceChoice(Kind kind, int ordinal) {
    /** Name of the property that says what {@code auto} is. */
    public static final String PROPERTY = "ocellus.device";

    public static final DeviceChoice AUTO = new DeviceChoice(Kind.AUTO, 0);
    public static final DeviceChoice CPU = new DeviceChoice(Kind.CPU, 0);

    private static final String CUDA_PREFIX = "cuda:";

    /** Sorts of devices. */
    public enum Kind {
        AUTO,
        CPU,
        CUDA
    }

    public DeviceChoice {
        if (ordinal < 0 || kind != Kind.CUDA && ordinal != 0) {
            throw new IllegalArgumentException(
                    "a device of kind " + kind + " and number " + ordinal);
        }
    }

    /** The GPU with this number. */
    public static DeviceChoice cuda(int ordinal) {
        return new DeviceChoice(Kind.CUDA, ordinal);
    }

    /**
     * Reads a choice as users write it.
     *
     * @throws IllegalArgumentException if it is another text
     */
    public static DeviceChoice of(String text) {
        return switch (text) {
            case "auto" -> AUTO;
            case "cpu" -> CPU;
            case "cuda" -> cuda(0);
            default -> cuda(ordinal(text));
        };
    }

    private static int ordinal(String text) {
        String number = text.startsWith(CUDA_PREFIX) ? text.substring(CUDA_PREFIX.length()) : "";
        if (!number.matches("\\d{1,4}")) {
            throw new IllegalArgumentException(
                    "'" + text + "' is no device; it must be auto, cpu, cuda or cuda:N");
        }
        return Integer.parseInt(number);
    }

    /**
     * A choice that names a device.
     *
     * @param reason why it is this one; empty where there was nothing to choose
     */
    public record Resolved(DeviceChoice choice, String reason) {}

    /** Finds out what {@code auto} is on this machine; other choices stay as they are. */
    public Resolved resolve() {
        if (kind != Kind.AUTO) {
            return new Resolved(this, "");
        }
        DeviceChoice named = of(System.getProperty(PROPERTY, "auto"));
        return named.kind == Kind.AUTO ? found() : new Resolved(named, "");
    }

    private static Resolved found() {
        List<GpuInfo> gpus;
        try {
            gpus = Gpu.list();
        } catch (CudaUnavailableException e) {
            return new Resolved(CPU, "");
        }
        for (GpuInfo gpu : gpus) {
            if (Gpu.supports(gpu)) {
                return new Resolved(cuda(gpu.ordinal()), gpu.name() + " is there");
            }
        }
        return new Resolved(
                CPU, gpus.isEmpty() ? "" : gpus.getFirst() + " is too old for the kernels");
    }

    /**
     * Opens the device; the caller closes it.
     *
     * @throws CudaUnavailableException if it is a GPU that is not there, or has no driver; the
     *     message says which
     */
    public Device open() {
        DeviceChoice named = resolve().choice();
        return named.kind == Kind.CUDA ? new CudaDevice(named.ordinal) : new CpuDevice();
    }

    @Override
    public String toString() {
        return switch (kind) {
            case AUTO -> "auto";
            case CPU -> "cpu";
            case CUDA -> CUDA_PREFIX + ordinal;
        };
    }
}
