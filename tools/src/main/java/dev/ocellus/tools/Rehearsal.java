package dev.ocellus.tools;

/**
 * Runs what people run first, so that the virtual machine sees which classes that takes. The
 * launcher starts this once for each build, to make the cache with which later runs start faster
 * (JEP 514).
 */
final class Rehearsal {
    private static final String MODEL = DemoCommand.folder().toString();
    private static final String IMAGE =
            DemoCommand.folder().resolve("samples").resolve("scene-2.png").toString();

    private Rehearsal() {}

    public static void main(String[] args) {
        run("--help");
        run("info", MODEL);
        run("demo");
        run("chat", MODEL, "--image", IMAGE, "Describe the image.");
    }

    private static void run(String... words) {
        int code = Main.commandLine(words).execute(words);
        if (code != 0) {
            System.exit(code);
        }
    }
}
