package dev.ocellus.tools;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.ocellus.kernels.cuda.CudaUnavailableException;
import dev.ocellus.kernels.cuda.Gpu;
import dev.ocellus.kernels.cuda.GpuInfo;

import java.io.PrintWriter;
import java.util.List;

/**
 * The GPUs of this machine, for people and programs.
 *
 * @param missing why there are none, if it is known; else empty
 */
record GpuFacts(List<GpuInfo> gpus, String missing) {

    static GpuFacts find() {
        try {
            List<GpuInfo> gpus = Gpu.list();
            return new GpuFacts(gpus, gpus.isEmpty() ? "the driver has no device" : "");
        } catch (CudaUnavailableException e) {
            return new GpuFacts(List.of(), e.getMessage());
        }
    }

    void print(PrintWriter out) {
        if (gpus.isEmpty()) {
            out.println("cuda");
            out.println("  none: " + missing);
        }
        for (GpuInfo gpu : gpus) {
            out.println(name(gpu));
            TextTable facts = new TextTable("ll");
            facts.row("  name", gpu.name());
            facts.row("  memory", Units.bytes(gpu.bytes()));
            facts.row("  capability", capability(gpu) + unsupported(gpu));
            facts.row("  multiprocessors", Integer.toString(gpu.multiprocessors()));
            facts.row("  driver", "for CUDA " + cuda(gpu));
            facts.print(out);
        }
    }

    void addTo(ArrayNode devices) {
        for (GpuInfo gpu : gpus) {
            ObjectNode node = devices.addObject();
            node.put("device", name(gpu));
            node.put("name", gpu.name());
            node.put("memory_bytes", gpu.bytes());
            node.put("compute_capability", capability(gpu));
            node.put("multiprocessors", gpu.multiprocessors());
            node.put("driver_cuda", cuda(gpu));
            node.put("supported", Gpu.supports(gpu));
        }
    }

    private static String name(GpuInfo gpu) {
        return "cuda:" + gpu.ordinal();
    }

    private static String capability(GpuInfo gpu) {
        return gpu.computeMajor() + "." + gpu.computeMinor();
    }

    private static String unsupported(GpuInfo gpu) {
        return Gpu.supports(gpu) ? "" : ", too old for the kernels";
    }

    private static String cuda(GpuInfo gpu) {
        return gpu.driverVersion() / 1000 + "." + gpu.driverVersion() % 1000 / 10;
    }
}
