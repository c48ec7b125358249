package dev.ocellus.device;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.ocellus.graph.Cost;
import dev.ocellus.graph.Node;
import dev.ocellus.graph.Workload;
import dev.ocellus.graph.draw.StepLabel;

import java.util.List;

/**
 * Profiles as a trace that Chrome ({@code chrome://tracing}) and Perfetto show: one event for each
 * step that ran, a track for each plan, all on one time axis.
 *
 * @see <a
 *     href="https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU">Trace
 *     Event Format</a>
 */
public final class ChromeTrace {
    private ChromeTrace() {}

    /** A profile and what one of its runs had to do. */
    public record Track(Profile profile, Workload work) {}

    /** Times begin at the earliest event. */
    public static ObjectNode of(List<Track> tracks) {
        ObjectNode root = JsonNodeFactory.instance.objectNode();
        root.put("displayTimeUnit", "ms");
        ArrayNode events = root.putArray("traceEvents");
        long origin =
                tracks.stream()
                        .flatMap(t -> t.profile().events().stream())
                        .mapToLong(Profile.Event::start)
                        .min()
                        .orElse(0);
        for (int i = 0; i < tracks.size(); i++) {
            ObjectNode name = event(events, "M", i);
            name.put("name", "thread_name");
            name.putObject("args").put("name", tracks.get(i).profile().plan().graph().name());
            steps(events, tracks.get(i), i, origin);
        }
        return root;
    }

    private static void steps(ArrayNode events, Track track, int id, long origin) {
        List<List<Node>> nodes = track.profile().steps().nodes();
        List<Cost> costs = track.profile().steps().costs(track.work());
        for (Profile.Event e : track.profile().events()) {
            List<Node> step = nodes.get(e.step());
            Cost cost = costs.get(e.step());
            ObjectNode node = event(events, "X", id);
            node.put("name", StepLabel.operations(step));
            node.put("cat", step.getLast().scope());
            node.put("ts", (e.start() - origin) / 1e3);
            node.put("dur", e.nanos() / 1e3);
            ObjectNode args = node.putObject("args");
            args.put("scope", step.getLast().scope());
            args.put("result", StepLabel.shapes(step));
            args.put("flops", cost.flops());
            args.put("weight_bytes", cost.weightBytes());
            args.put("activation_bytes", cost.activationBytes());
        }
    }

    private static ObjectNode event(ArrayNode events, String phase, int track) {
        ObjectNode e = events.addObject();
        e.put("ph", phase);
        e.put("pid", 1);
        e.put("tid", track + 1);
        return e;
    }
}
