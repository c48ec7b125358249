package dev.ocellus.tools;

import dev.ocellus.Progress;

import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/**
 * A progress bar on the error stream for each stage of long work; only when that is a terminal, and
 * only once a stage has taken a second. For one thread.
 */
final class Bars implements Progress, AutoCloseable {
    private static final long PATIENCE_NANOS = 1_000_000_000;

    private final String unitName;
    private final long unitSize;
    private String stage;
    private long started;
    private ProgressBar bar;

    private Bars(String unitName, long unitSize) {
        this.unitName = unitName;
        this.unitSize = unitSize;
    }

    /** Bars that count bytes. */
    static Bars ofBytes() {
        return new Bars(" MiB", 1 << 20);
    }

    /** Bars that count things. */
    static Bars ofThings() {
        return new Bars("", 1);
    }

    @Override
    public void at(String newStage, long done, long total) {
        if (!Terminals.error()) {
            return;
        }
        long now = System.nanoTime();
        if (!newStage.equals(stage)) {
            hide();
            stage = newStage;
            started = now;
        }
        if (bar == null && now - started > PATIENCE_NANOS && done < total) {
            bar =
                    new ProgressBarBuilder()
                            .setTaskName(stage)
                            .setInitialMax(total)
                            .setUnit(unitName, unitSize)
                            .setStyle(ProgressBarStyle.ASCII)
                            .clearDisplayOnFinish()
                            .build();
        }
        if (bar != null) {
            bar.stepTo(done);
        }
    }

    /** Takes the bar away until there is news. */
    void hide() {
        if (bar != null) {
            bar.close();
            bar = null;
        }
    }

    @Override
    public void close() {
        hide();
    }
}
