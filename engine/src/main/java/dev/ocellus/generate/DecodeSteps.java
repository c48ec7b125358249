package dev.ocellus.generate;

import dev.ocellus.device.Run;

import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;

/**
 * Runs steps that decode tokens for several threads; what ails one request or the common step hits
 * no other. For one thread at a time.
 */
final class DecodeSteps {
    private static final BooleanSupplier NEVER = () -> false;

    private final StepKinds kinds;
    private final StepInputs inputs;

    /** The request that is run by itself. */
    private final List<DecodeRequest> alone = new ArrayList<>(1);

    DecodeSteps(StepKinds kinds, StepInputs inputs) {
        this.kinds = kinds;
        this.inputs = inputs;
    }

    /** Runs a step for all requests; tells each its failure and throws nothing. */
    void run(List<DecodeRequest> requests) {
        if (requests.size() == 1) {
            runAlone(requests.getFirst());
            return;
        }
        try {
            step(requests, NEVER);
        } catch (RuntimeException | Error e) {
            requests.forEach(DecodeRequest::takeBack);
            for (DecodeRequest r : requests) {
                if (!r.hasFailed()) {
                    runAlone(r);
                }
            }
        }
    }

    private void runAlone(DecodeRequest r) {
        try {
            alone.add(r);
            step(alone, r.cancelled);
        } catch (RuntimeException | Error e) {
            r.takeBack();
            r.fail(e);
        } finally {
            alone.clear();
        }
    }

    private void step(List<DecodeRequest> requests, BooleanSupplier cancelled) {
        int most = 0;
        for (int i = 0; i < requests.size(); i++) {
            most += requests.get(i).rows();
        }
        StepKind kind = kinds.batch(most);
        try (Run run = kind.begin()) {
            int rows = 0;
            for (int i = 0; i < requests.size(); i++) {
                DecodeRequest r = requests.get(i);
                if (fill(run, kind, r, rows)) {
                    rows += r.rows();
                }
            }
            if (rows > 0) {
                kind.execute(run, rows, rows, cancelled);
                for (int i = 0; i < requests.size(); i++) {
                    handOut(run, kind, requests.get(i));
                }
            }
        }
    }

    /** Fills the rows of a request from {@code firstRow} on, unless it fails. */
    private boolean fill(Run run, StepKind kind, DecodeRequest r, int firstRow) {
        r.firstRow = firstRow;
        try {
            for (int i = 0; i < r.rows(); i++) {
                KvCache cache = r.caches.get(i);
                int row = firstRow + i;
                int id = inputs.checked(r.tokens[i]);
                inputs.reserve(cache, 1);
                int slot = cache.append(id);
                r.appended();
                inputs.sequence(run, row, cache, r.frequencies.get(i));
                inputs.row(run, row, id, row, slot);
                kind.ask(run, row, row, r.sinks.get(i));
            }
            return true;
        } catch (RuntimeException | Error e) {
            r.takeBack();
            r.fail(e);
            return false;
        }
    }

    private static void handOut(Run run, StepKind kind, DecodeRequest r) {
        if (r.hasFailed()) {
            return;
        }
        try {
            for (int i = 0; i < r.rows(); i++) {
                kind.handOut(run, r.firstRow + i, r.sinks.get(i));
            }
            r.keep();
        } catch (RuntimeException | Error e) {
            r.takeBack();
            r.fail(e);
        }
    }
}
