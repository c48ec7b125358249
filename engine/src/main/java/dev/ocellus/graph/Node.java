package dev.ocellus.graph;

import java.util.List;

/**
 * One operation of a graph: attributes, inputs and what it makes. {@code scope} is the place in the
 * model, as in "layers.3".
 */
public final class Node {
    private final int id;
    private final Op op;
    private final List<Value> inputs;
    private final String scope;
    private Value value;

    Node(int id, Op op, List<Value> inputs, String scope) {
        this.id = id;
        this.op = op;
        this.inputs = List.copyOf(inputs);
        this.scope = scope;
    }

    void value(Value made) {
        value = made;
    }

    public int id() {
        return id;
    }

    public Op op() {
        return op;
    }

    public List<Value> inputs() {
        return inputs;
    }

    public Value input(int i) {
        return inputs.get(i);
    }

    public String scope() {
        return scope;
    }

    public Value value() {
        return value;
    }

    @Override
    public String toString() {
        return "%" + id + " = " + op.name() + inputs + (scope.isEmpty() ? "" : " @" + scope);
    }
}
