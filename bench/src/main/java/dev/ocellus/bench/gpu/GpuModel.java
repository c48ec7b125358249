package dev.ocellus.bench.gpu;

import dev.ocellus.ModelPlans;
import dev.ocellus.OpenOptions;
import dev.ocellus.device.CudaDevice;
import dev.ocellus.loader.config.JsonFile;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * The command {@code bench/gpu-model}: predicts how fast models are on GPUs that are not here. The
 * plans and launches are those of a run; a GPU, or the software GPU, says what is launched, and
 * does nothing.
 */
public final class GpuModel {
    private static final String USAGE =
            """
            Usage: bench/gpu-model [RESULTS]
            Predicts speeds on named GPUs from what a run launches on GPUs of their capability and
            size, and writes gpu-model-NAMES.md to the folder RESULTS (default: bench/results) and
            the same as JSON to bench/target/gpu-model. Beside measurements of bench/gpu in that
            folder it sets its error.
            """;

    private GpuModel() {}

    public static void main(String[] arguments) throws IOException {
        if (arguments.length > 1 || arguments.length == 1 && arguments[0].startsWith("-")) {
            System.err.print(USAGE);
            System.exit(2);
        }
        Path home = Path.of(System.getProperty("ocellus.home", ""));
        Path results =
                arguments.length == 1 ? Path.of(arguments[0]) : home.resolve("bench/results");
        Registers registers = Registers.read(home.resolve(Registers.FILE));
        Path work = Files.createDirectories(home.resolve("bench/target/gpu-model"));
        Map<GpuCase, Prediction.Launches> launches = launches(new Shapes(work, false), GpuCase.ALL);
        List<GpuSpec> gpus = GpuSpec.like(CudaDevice.list().getFirst());
        List<Prediction> predictions = new ArrayList<>();
        for (GpuSpec gpu : gpus) {
            launches.values().forEach(l -> predictions.add(Prediction.of(l, gpu, registers)));
        }
        ModelPage page = new ModelPage(launches, predictions, Measurements.read(results));
        String markdown = page.markdown();
        Files.createDirectories(results);
        String name =
                "gpu-model-" + gpus.stream().map(GpuSpec::match).collect(Collectors.joining("-"));
        Files.writeString(results.resolve(name + ".md"), markdown);
        JsonFile.write(work.resolve(name + ".json"), page.json());
        System.out.print(markdown);
    }

    static Map<GpuCase, Prediction.Launches> launches(Shapes shapes, List<GpuCase> cases) {
        Map<GpuCase, Prediction.Launches> all = new LinkedHashMap<>();
        try (CudaDevice device = new CudaDevice(0)) {
            for (GpuCase c : cases) {
                OpenOptions options =
                        OpenOptions.DEFAULT.withDevice(device).withWeights(c.weights());
                try (ModelPlans plans = ModelPlans.open(shapes.empty(c.preset()), options)) {
                    all.put(c, Prediction.Launches.of(c, plans, device));
                }
            }
        }
        return all;
    }
}
