package dev.ocellus.tools;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.ocellus.device.CudaDevice;
import dev.ocellus.kernels.cuda.CudaException;
import dev.ocellus.kernels.cuda.GpuInfo;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;

/** The GPUs of this machine: what they are, and whether models can run on them. */
final class GpuFacts {
    /**
     * A GPU.
     *
     * @param freeBytes of its memory; 0 if it cannot be used
     * @param products whose matrix products are used
     * @param failure why it cannot be used, or null
     */
    private record Facts(GpuInfo info, long freeBytes, String products, String failure) {}

    private final List<Facts> all = new ArrayList<>();
    private final String failure;

    /** Opens each GPU for a moment. */
    GpuFacts() {
        String why = null;
        try {
            CudaDevice.list().forEach(gpu -> all.add(facts(gpu)));
        } catch (CudaException e) {
            why = Failures.oneLine(e.getMessage());
        }
        failure = why;
    }

    private static Facts facts(GpuInfo gpu) {
        try (CudaDevice device = new CudaDevice(gpu.ordinal())) {
            return new Facts(gpu, device.freeBytes(), device.products(), null);
        } catch (CudaException e) {
            return new Facts(gpu, 0, "", Failures.oneLine(e.getMessage()));
        }
    }

    void print(PrintWriter out) {
        if (all.isEmpty()) {
            out.println("cuda");
            new TextTable("ll").row("  none", failure == null ? "no GPU" : failure).print(out);
        }
        for (Facts f : all) {
            GpuInfo gpu = f.info();
            out.println("cuda:" + gpu.ordinal());
            TextTable table = new TextTable("ll");
            table.row("  GPU", gpu.name());
            table.row(
                    "  compute capability",
                    "%d.%d, %d multiprocessors"
                            .formatted(
                                    gpu.computeMajor(), gpu.computeMinor(), gpu.multiprocessors()));
            table.row(
                    "  driver",
                    "for CUDA %d.%d"
                            .formatted(
                                    gpu.driverVersion() / 1000, gpu.driverVersion() % 1000 / 10));
            if (f.failure() == null) {
                table.row(
                        "  memory",
                        "%s, %s free"
                                .formatted(Units.bytes(gpu.bytes()), Units.bytes(f.freeBytes())));
                table.row("  products", f.products());
            } else {
                table.row("  memory", Units.bytes(gpu.bytes()));
                table.row("  cannot be used", f.failure());
            }
            table.print(out);
        }
    }

    void addTo(ArrayNode devices) {
        for (Facts f : all) {
            GpuInfo gpu = f.info();
            ObjectNode node = devices.addObject();
            node.put("device", "cuda:" + gpu.ordinal());
            node.put("gpu", gpu.name());
            node.put("compute_capability", gpu.computeMajor() + "." + gpu.computeMinor());
            node.put("multiprocessors", gpu.multiprocessors());
            node.put("driver_version", gpu.driverVersion());
            node.put("memory_bytes", gpu.bytes());
            node.put("free_memory_bytes", f.freeBytes());
            node.put("products", f.products());
            node.put("failure", f.failure());
        }
    }
}
