package dev.ocellus.device;

import dev.ocellus.graph.Cost;
import dev.ocellus.graph.Node;
import dev.ocellus.graph.Workload;
import dev.ocellus.graph.draw.StepLabel;
import dev.ocellus.plan.Plan;

import java.util.ArrayList;
import java.util.List;

/**
 * Time of each step of a plan: summed over runs, and one by one for the latest 65,536 steps. Not
 * thread-safe; belongs to the run under way, and is read after it.
 */
public final class Profile {
    private static final int EVENTS = 1 << 16;

    /** A step, or those that run as one: nodes, work in one run, and the time of all runs. */
    public record Row(List<Node> nodes, Cost cost, long nanos, long runs) {

        /** Operations joined by plus signs, as in "linear + add". */
        public String operations() {
            return StepLabel.operations(nodes);
        }
    }

    /**
     * One execution of a step.
     *
     * @param step index of its row
     * @param start by {@link System#nanoTime}
     */
    public record Event(int step, long start, long nanos) {}

    private final StepGroups steps;
    private final long[] nanos;
    private final int[] eventSteps = new int[EVENTS];
    private final long[] eventStarts = new long[EVENTS];
    private final long[] eventNanos = new long[EVENTS];
    private long events;
    private int lastStep = -1;
    private long runs;

    /** For a device that runs each step on its own. */
    public Profile(Plan plan) {
        this(StepGroups.single(plan));
    }

    Profile(StepGroups steps) {
        this.steps = steps;
        nanos = new long[steps.nodes().size()];
    }

    /** A run begins. */
    void begin() {
        lastStep = -1;
    }

    /** A kernel of a step ran; kernels of one step follow each other and count as one event. */
    void add(int step, long start, long time) {
        nanos[step] += time;
        if (step != lastStep) {
            int at = (int) (events++ % EVENTS);
            eventSteps[at] = step;
            eventStarts[at] = start;
            lastStep = step;
        }
        int at = (int) ((events - 1) % EVENTS);
        eventNanos[at] = start + time - eventStarts[at];
    }

    /** A run came to its end. */
    void end() {
        runs++;
    }

    public Plan plan() {
        return steps.plan();
    }

    StepGroups steps() {
        return steps;
    }

    /** Runs that came to their end. */
    public long runs() {
        return runs;
    }

    /**
     * One row for each step, or group of steps that run as one, in order.
     *
     * @param work what one run had to do
     */
    public List<Row> rows(Workload work) {
        List<Cost> costs = steps.costs(work);
        List<Row> rows = new ArrayList<>();
        for (int i = 0; i < nanos.length; i++) {
            rows.add(new Row(steps.nodes().get(i), costs.get(i), nanos[i], runs));
        }
        return rows;
    }

    /** The latest steps in the order in which they ran. */
    public List<Event> events() {
        List<Event> latest = new ArrayList<>();
        for (long i = Math.max(0, events - EVENTS); i < events; i++) {
            int at = (int) (i % EVENTS);
            latest.add(new Event(eventSteps[at], eventStarts[at], eventNanos[at]));
        }
        return latest;
    }
}
