package dev.ocellus.tools;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;

/** Turns what went wrong into one line. */
final class Failures {
    private static final String OURS = "dev.ocellus.";

    private Failures() {}

    /**
     * The line for an exception: its message alone when it was thrown on purpose; else also its
     * type and how to see where it came from.
     *
     * @param debug whether the stack trace is shown anyway
     */
    static String line(Throwable e, boolean debug) {
        Throwable t = e instanceof UncheckedIOException u ? u.getCause() : e;
        if (t instanceof OutOfMemoryError) {
            return "error: out of memory: "
                    + oneLine(String.valueOf(t.getMessage()))
                    + "; see what a model needs with ocellus info";
        }
        if (t instanceof FileSystemException f) {
            return "error: " + fileError(f);
        }
        if (t.getMessage() != null && (onPurpose(t) || t instanceof FileNotFoundException)) {
            return "error: " + oneLine(t.getMessage());
        }
        return "error: unexpected "
                + oneLine(t.toString())
                + (debug ? "" : "; run it again with --debug to see where it comes from");
    }

    /** All lines of a text in one. */
    static String oneLine(String text) {
        return text.strip().replaceAll("\\s*\\R\\s*", " ");
    }

    private static String fileError(FileSystemException e) {
        if (e instanceof NoSuchFileException) {
            return e.getFile() + ": does not exist";
        }
        if (e instanceof AccessDeniedException) {
            return e.getFile() + ": access is denied";
        }
        return oneLine(e.getMessage());
    }

    /** Whether the engine or the command line found the error itself. */
    private static boolean onPurpose(Throwable t) {
        if (t instanceof IOException || t.getClass().getName().startsWith(OURS)) {
            return true;
        }
        StackTraceElement[] trace = t.getStackTrace();
        boolean argument = t instanceof IllegalArgumentException;
        return (argument || t instanceof IllegalStateException)
                && trace.length > 0
                && trace[0].getClassName().startsWith(OURS);
    }
}
