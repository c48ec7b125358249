import de.kherud.llama.InferenceParameters;
import de.kherud.llama.LlamaModel;
import de.kherud.llama.LlamaOutput;
import de.kherud.llama.ModelParameters;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.util.Random;

/**
 * Measures java-llama.cpp: reads "prefill N" and "decode N", one a line, and answers "cpu-seconds
 * wall-seconds" of as many tokens. Started from its source with the library on the class path;
 * arguments: model file, threads, longest context. CPU seconds are those of the whole process. The
 * library takes text, so a prompt is of about N tokens and the time is scaled to N.
 */
public final class JavaLlamaCpp {
    private static final com.sun.management.OperatingSystemMXBean SYSTEM =
            (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    private final LlamaModel model;
    private final Random random = new Random(1);

    private JavaLlamaCpp(LlamaModel model) {
        this.model = model;
    }

    public static void main(String[] arguments) throws IOException {
        int threads = Integer.parseInt(arguments[1]);
        ModelParameters parameters =
                new ModelParameters()
                        .setModel(arguments[0])
                        .setThreads(threads)
                        .setThreadsBatch(threads)
                        .setCtxSize(Integer.parseInt(arguments[2]))
                        .setBatchSize(2048)
                        .setUbatchSize(512)
                        .setGpuLayers(0);
        try (LlamaModel model = new LlamaModel(parameters)) {
            JavaLlamaCpp peer = new JavaLlamaCpp(model);
            System.out.println("ready");
            BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                int n = Integer.parseInt(line.split(" ")[1]);
                System.out.println(line.startsWith("prefill") ? peer.prefill(n) : peer.decode(n));
            }
        }
        System.exit(0);
    }

    private String prefill(int n) {
        StringBuilder prompt = new StringBuilder();
        int tokens = 0;
        while (tokens < n) {
            prompt.append((char) ('0' + random.nextInt(10))).append('!');
            tokens = model.encode(prompt.toString()).length;
        }
        double scale = (double) n / tokens;
        long cpu = SYSTEM.getProcessCpuTime();
        long wall = System.nanoTime();
        model.complete(parameters(prompt.toString(), 1));
        return seconds(cpu, wall, scale);
    }

    /** The first token, which the prompt is computed for, does not count. */
    private String decode(int n) {
        long cpu = 0;
        long wall = 0;
        int made = 0;
        for (LlamaOutput output : model.generate(parameters("7!3", n + 1).setIgnoreEos(true))) {
            if (made++ == 0) {
                cpu = SYSTEM.getProcessCpuTime();
                wall = System.nanoTime();
            }
        }
        return seconds(cpu, wall, (double) n / (made - 1));
    }

    private static InferenceParameters parameters(String prompt, int newTokens) {
        return new InferenceParameters(prompt)
                .setNPredict(newTokens)
                .setCachePrompt(false)
                .setTemperature(0f);
    }

    private static String seconds(long cpu, long wall, double scale) {
        return (SYSTEM.getProcessCpuTime() - cpu) * 1e-9 * scale
                + " "
                + (System.nanoTime() - wall) * 1e-9 * scale;
    }
}
