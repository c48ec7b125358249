package dev.ocellus.generate;

import dev.ocellus.device.PlanCache;
import dev.ocellus.device.Run;
import dev.ocellus.graph.Count;
import dev.ocellus.model.CausalLm;
import dev.ocellus.model.StepCapacity;
import dev.ocellus.plan.Plan;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/**
 * Steps that share a plan, and where their results go; what they need is made once, so that a step
 * allocates nothing. Thread-safe.
 */
final class StepKind {
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;

    private final StepCapacity capacity;
    private final Count tokens;
    private final Count logits;
    private final PlanCache plans;
    private final Supplier<Plan> maker;

    StepKind(StepCapacity capacity, PlanCache plans, Supplier<Plan> maker) {
        this.capacity = capacity;
        this.plans = plans;
        this.maker = maker;
        tokens = new Count(CausalLm.TOKENS, capacity.tokens());
        logits = new Count(CausalLm.LOGITS, capacity.logits());
    }

    StepCapacity capacity() {
        return capacity;
    }

    Run begin() {
        return plans.begin(capacity, maker);
    }

    /** Says that result {@code i} of a step is that of a row, and what a sink wants of it. */
    void ask(Run run, int i, int row, RowSink sink) {
        run.input("logit_rows").setAtIndex(INT, i, row);
        if (capacity.choice()) {
            sink.options(run.input("sampling"), i);
        }
        if (sink.wantsLogits()) {
            run.want("logits");
            run.want("hidden");
        }
    }

    void execute(Run run, int rows, int results, BooleanSupplier cancelled) {
        run.count(tokens, rows);
        run.count(logits, results);
        run.execute(cancelled);
    }

    /** Gives result {@code i} to the sink that asked for it. */
    void handOut(Run run, int i, RowSink sink) {
        if (capacity.choice()) {
            sink.token(run.output("tokens").getAtIndex(INT, i));
        }
        if (sink.wantsLogits()) {
            sink.logits(row(run.output("logits"), i), row(run.output("hidden"), i));
        }
    }

    /**
     * Row i of an output; the output itself when it has one row, so that decoding allocates
     * nothing.
     */
    private MemorySegment row(MemorySegment output, int i) {
        long rows = capacity.logits();
        long bytes = output.byteSize() / rows;
        return rows == 1 ? output : output.asSlice(i * bytes, bytes);
    }
}
