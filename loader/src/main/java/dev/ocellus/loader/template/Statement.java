package dev.ocellus.loader.template;

import java.util.List;
import java.util.Map;

/** A statement of a template. */
sealed interface Statement {
    record Data(String text) implements Statement {}

    record Output(Expression value) implements Statement {}

    /** Branches in order; the last one's condition is null for {@code else}. */
    record If(List<Branch> branches) implements Statement {}

    record Branch(Expression condition, List<Statement> body) {}

    /** A loop; {@code filter} may be null. */
    record For(
            List<String> targets,
            Expression iterable,
            Expression filter,
            List<Statement> body,
            List<Statement> otherwise)
            implements Statement {}

    /** An assignment; a target is a name or a name's attribute. */
    record Assign(List<Target> targets, Expression value) implements Statement {}

    record Target(String name, String attribute) {}

    /** An assignment of rendered text, sent through the filters. */
    record AssignBlock(Target target, List<FilterCall> filters, List<Statement> body)
            implements Statement {}

    record FilterCall(String name, Expression.Arguments arguments) {}

    record FilterBlock(List<FilterCall> filters, List<Statement> body) implements Statement {}

    /** A macro; a parameter without default has none in the map. */
    record Macro(
            String name,
            List<String> parameters,
            Map<String, Expression> defaults,
            List<Statement> body)
            implements Statement {}

    record With(Map<String, Expression> values, List<Statement> body) implements Statement {}

    /** A group that only marks its content. */
    record Group(List<Statement> body) implements Statement {}

    record Break() implements Statement {}

    record Continue() implements Statement {}
}
