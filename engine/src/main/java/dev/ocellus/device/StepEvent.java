package dev.ocellus.device;

import dev.ocellus.graph.Node;
import dev.ocellus.graph.draw.StepLabel;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Enabled;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

import java.util.List;

/**
 * Flight Recorder event of one kernel, off unless a recording enables {@code dev.ocellus.Step}. A
 * step that takes several kernels has an event for each; steps that run as one have one together.
 */
@Name(StepEvent.NAME)
@Label("Step")
@Category("Ocellus")
@Description("A kernel of a plan, with the operations it does")
@Enabled(false)
@StackTrace(false)
final class StepEvent extends Event {
    static final String NAME = "dev.ocellus.Step";

    /** Asked whether events are wanted, so that none has to be made to find out. */
    private static final StepEvent PROBE = new StepEvent();

    @Label("Graph")
    String graph;

    @Label("Step")
    int step;

    @Label("Scope")
    String scope;

    @Label("Operations")
    String operations;

    @Label("Result")
    String result;

    /** Whether a recording wants these events. */
    static boolean isOn() {
        return PROBE.isEnabled();
    }

    /** An event that begins now; {@code commit} ends it. */
    static StepEvent begin(StepGroups steps, int step) {
        List<Node> nodes = steps.nodes().get(step);
        StepEvent e = new StepEvent();
        e.graph = steps.plan().graph().name();
        e.step = step;
        e.scope = nodes.getLast().scope();
        e.operations = StepLabel.operations(nodes);
        e.result = StepLabel.shapes(nodes);
        e.begin();
        return e;
    }
}
