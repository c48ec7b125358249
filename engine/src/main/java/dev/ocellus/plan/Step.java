package dev.ocellus.plan;

import dev.ocellus.graph.Node;
import dev.ocellus.graph.Value;
import dev.ocellus.kernels.KernelCall;

import java.util.List;
import java.util.function.Function;

/**
 * One kernel call of a plan and the nodes it does the work of.
 *
 * @param nodes nodes fused into the call, in graph order; the last one names the step
 * @param reads values read
 * @param writes values made; several when they lie side by side in one buffer
 * @param inPlace a value that the result may overwrite, or null
 * @param call makes the call once operands have places
 */
record Step(
        List<Node> nodes,
        List<Value> reads,
        List<Value> writes,
        Value inPlace,
        Function<Binding, KernelCall> call) {

    Step {
        nodes = List.copyOf(nodes);
        reads = List.copyOf(reads);
        writes = List.copyOf(writes);
    }
}
