package dev.ocellus.kernels.cuda;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/** Builds the software GPU into {@code kernels/target/softgpu}, where it is out of date. */
final class SoftGpuBuild {

    /** Exit status of {@code build.sh} where the compiler or the CUDA headers are missing. */
    private static final int TOOLS_MISSING = 3;

    private final Path root = root();
    private final Path out = root.resolve("kernels/target/softgpu");

    Path library(String name) {
        return out.resolve(name);
    }

    /** Builds the libraries and the kernels; answers why it cannot, or nothing. */
    String run(boolean sanitized) {
        List<String> command = new ArrayList<>();
        command.add("sh");
        command.add(root.resolve("tests/softgpu/build.sh").toString());
        if (sanitized) {
            command.add("--sanitize");
        }
        command.add(out.toString());
        command.add(root.resolve("kernels/cuda").toString());
        command.add(root.resolve("tests/softgpu/selftest").toString());
        try {
            Files.createDirectories(out);
            return run(command);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private String run(List<String> command) throws IOException {
        Path lock = out.resolve("lock");
        try (FileChannel channel =
                FileChannel.open(lock, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            channel.lock(); // another process may be building here
            Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
            byte[] output = process.getInputStream().readAllBytes();
            String said = new String(output, StandardCharsets.UTF_8).strip();
            int status = process.waitFor();
            if (status != 0 && status != TOOLS_MISSING) {
                throw new IllegalStateException("the software GPU does not build:\n" + said);
            }
            return status == 0 ? "" : said;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while the software GPU was built", e);
        }
    }

    private static Path root() {
        Path here = Path.of("").toAbsolutePath();
        for (Path p = here; p != null; p = p.getParent()) {
            if (Files.exists(p.resolve("tests/softgpu/build.sh"))) {
                return p;
            }
        }
        throw new IllegalStateException("no folder above " + here + " has tests/softgpu/build.sh");
    }
}
