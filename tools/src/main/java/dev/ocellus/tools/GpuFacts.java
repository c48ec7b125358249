package dev.ocellus.tools;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.ocellus.device.CudaDevice;
import dev.ocellus.kernels.cuda.CudaException;
import dev.ocellus.kernels.cuda.GpuInfo;

import java.io.PrintWriter;
import java.util.List;

/**
 * The GPUs of this machine, for people and programs.
 *
 * @param missing why there are none, if it is known; else empty
 */
record GpuFacts(List<Facts> gpus, String missing) {

    /**
     * A GPU, opened for a moment.
     *
     * @param freeBytes of its memory; 0 if models cannot run on it
     * @param products whose matrix products are used, and why
     * @param failure why models cannot run on it; else empty
     */
    record Facts(GpuInfo info, long freeBytes, String products, String failure) {
        static Facts of(GpuInfo gpu) {
            try (CudaDevice device = new CudaDevice(gpu.ordinal())) {
                return new Facts(gpu, device.freeBytes(), device.products(), "");
            } catch (CudaException e) {
                return new Facts(gpu, 0, "", Failures.oneLine(e.getMessage()));
            }
        }

        String name() {
            return "cuda:" + info.ordinal();
        }

        String capability() {
            return info.computeMajor() + "." + info.computeMinor();
        }

        String cuda() {
            return info.driverVersion() / 1000 + "." + info.driverVersion() % 1000 / 10;
        }

        boolean isUsable() {
            return failure.isEmpty();
        }
    }

    static GpuFacts find() {
        try {
            List<Facts> gpus = CudaDevice.list().stream().map(Facts::of).toList();
            return new GpuFacts(gpus, gpus.isEmpty() ? "the driver has no device" : "");
        } catch (CudaException e) {
            return new GpuFacts(List.of(), Failures.oneLine(e.getMessage()));
        }
    }

    void print(PrintWriter out) {
        if (gpus.isEmpty()) {
            out.println("cuda");
            out.println("  none: " + missing);
        }
        for (Facts gpu : gpus) {
            out.println(gpu.name());
            TextTable facts = new TextTable("ll");
            facts.row("  name", gpu.info().name());
            String memory = Units.bytes(gpu.info().bytes());
            facts.row(
                    "  memory",
                    gpu.isUsable()
                            ? memory + ", " + Units.bytes(gpu.freeBytes()) + " free"
                            : memory);
            facts.row("  capability", gpu.capability());
            facts.row("  multiprocessors", Integer.toString(gpu.info().multiprocessors()));
            facts.row("  driver", "for CUDA " + gpu.cuda());
            if (gpu.isUsable()) {
                facts.row("  products", gpu.products());
            } else {
                facts.row("  cannot be used", gpu.failure());
            }
            facts.print(out);
        }
    }

    void addTo(ArrayNode devices) {
        for (Facts gpu : gpus) {
            ObjectNode node = devices.addObject();
            node.put("device", gpu.name());
            node.put("name", gpu.info().name());
            node.put("memory_bytes", gpu.info().bytes());
            node.put("free_memory_bytes", gpu.freeBytes());
            node.put("compute_capability", gpu.capability());
            node.put("multiprocessors", gpu.info().multiprocessors());
            node.put("driver_cuda", gpu.cuda());
            node.put("products", gpu.products());
            node.put("supported", gpu.isUsable());
        }
    }
}
