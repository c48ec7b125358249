package dev.ocellus.loader.template;

import dev.ocellus.loader.template.Statement.FilterCall;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Executes the statements of a template once. */
final class Renderer {
    /** What a statement does to the loop around it. */
    private enum Flow {
        NEXT,
        BREAK,
        CONTINUE
    }

    /** What one round of a loop costs beside its body: its scope and loop variable. */
    private static final int LOOP_STEPS = 10;

    private final Budget budget;
    private final Evaluator evaluator;

    Renderer(Budget budget) {
        this.budget = budget;
        this.evaluator = new Evaluator(budget);
    }

    String render(List<Statement> statements, Scope scope) {
        StringBuilder out = new StringBuilder();
        run(statements, scope, out);
        return out.toString();
    }

    private Flow run(List<Statement> statements, Scope scope, StringBuilder out) {
        for (Statement statement : statements) {
            Flow flow = run(statement, scope, out);
            if (flow != Flow.NEXT) {
                return flow;
            }
        }
        return Flow.NEXT;
    }

    private Flow run(Statement statement, Scope scope, StringBuilder out) {
        budget.enter();
        Flow flow = Flow.NEXT;
        switch (statement) {
            case Statement.Data(String text) -> append(text, out);
            case Statement.Output(Expression value) ->
                    append(Values.text(evaluator.value(value, scope), budget), out);
            case Statement.If(List<Statement.Branch> branches) ->
                    flow = branch(branches, scope, out);
            case Statement.For loop -> loop(loop, scope, out);
            case Statement.Assign(List<Statement.Target> targets, Expression value) ->
                    assign(targets, evaluator.value(value, scope), scope);
            case Statement.AssignBlock(
                            Statement.Target target,
                            List<FilterCall> filters,
                            List<Statement> body) -> {
                String text = filtered(render(body, new Scope(scope)), filters, scope);
                assign(target, text, scope);
            }
            case Statement.FilterBlock(List<FilterCall> filters, List<Statement> body) ->
                    append(filtered(render(body, new Scope(scope)), filters, scope), out);
            case Statement.Macro macro -> scope.set(macro.name(), macro(macro, scope));
            case Statement.With(Map<String, Expression> values, List<Statement> body) -> {
                Scope inner = new Scope(scope);
                values.forEach((name, value) -> inner.set(name, evaluator.value(value, scope)));
                flow = run(body, inner, out);
            }
            case Statement.Group(List<Statement> body) -> flow = run(body, scope, out);
            case Statement.Break() -> flow = Flow.BREAK;
            case Statement.Continue() -> flow = Flow.CONTINUE;
        }
        budget.leave();
        return flow;
    }

    private void append(String text, StringBuilder out) {
        budget.length((long) text.length());
        out.append(text);
        if (out.length() > Budget.MAX_TEXT) {
            budget.length(out.length());
        }
    }

    private Flow branch(List<Statement.Branch> branches, Scope scope, StringBuilder out) {
        for (Statement.Branch branch : branches) {
            if (branch.condition() == null
                    || Values.truth(evaluator.value(branch.condition(), scope))) {
                return run(branch.body(), scope, out);
            }
        }
        return Flow.NEXT;
    }

    private void loop(Statement.For loop, Scope scope, StringBuilder out) {
        Object iterable = evaluator.value(loop.iterable(), scope);
        List<Object> items = Values.items(iterable, budget);
        if (loop.filter() != null) {
            List<Object> kept = new ArrayList<>();
            for (Object item : items) {
                Scope inner = new Scope(scope);
                bind(loop.targets(), item, inner);
                if (Values.truth(evaluator.value(loop.filter(), inner))) {
                    kept.add(item);
                }
            }
            items = kept;
        }
        if (items.isEmpty()) {
            run(loop.otherwise(), new Scope(scope), out);
        }
        for (int i = 0; i < items.size(); i++) {
            budget.work(LOOP_STEPS);
            Scope inner = new Scope(scope);
            bind(loop.targets(), items.get(i), inner);
            inner.set("loop", loopVariable(items, i));
            if (run(loop.body(), inner, out) == Flow.BREAK) {
                break;
            }
        }
    }

    private void bind(List<String> targets, Object item, Scope scope) {
        if (targets.size() == 1) {
            scope.set(targets.get(0), item);
            return;
        }
        List<Object> parts = Values.items(item, budget);
        if (parts.size() != targets.size()) {
            throw new TemplateFault(
                    "expected " + targets.size() + " values to unpack, got " + parts.size());
        }
        for (int i = 0; i < targets.size(); i++) {
            scope.set(targets.get(i), parts.get(i));
        }
    }

    private static Namespace loopVariable(List<Object> items, int index) {
        int size = items.size();
        Map<String, Object> loop = new LinkedHashMap<>();
        loop.put("index", index + 1L);
        loop.put("index0", (long) index);
        loop.put("revindex", (long) size - index);
        loop.put("revindex0", (long) size - index - 1);
        loop.put("first", index == 0);
        loop.put("last", index == size - 1);
        loop.put("length", (long) size);
        loop.put(
                "previtem",
                index == 0 ? new Undefined("there is no previous item") : items.get(index - 1));
        loop.put(
                "nextitem",
                index == size - 1 ? new Undefined("there is no next item") : items.get(index + 1));
        loop.put(
                "cycle",
                (Callable)
                        (positional, named) -> {
                            if (positional.isEmpty()) {
                                throw new TemplateFault("no items for cycling given");
                            }
                            return positional.get(index % positional.size());
                        });
        return new Namespace(loop);
    }

    private void assign(List<Statement.Target> targets, Object value, Scope scope) {
        if (targets.size() == 1) {
            assign(targets.get(0), value, scope);
            return;
        }
        List<Object> parts = Values.items(value, budget);
        if (parts.size() != targets.size()) {
            throw new TemplateFault(
                    "expected " + targets.size() + " values to unpack, got " + parts.size());
        }
        for (int i = 0; i < parts.size(); i++) {
            assign(targets.get(i), parts.get(i), scope);
        }
    }

    private static void assign(Statement.Target target, Object value, Scope scope) {
        if (target.attribute() == null) {
            scope.set(target.name(), value);
        } else if (scope.get(target.name()) instanceof Namespace(Map<String, Object> attributes)) {
            attributes.put(target.attribute(), value);
        } else {
            throw new TemplateFault("cannot assign attribute on non-namespace object");
        }
    }

    private String filtered(String text, List<FilterCall> filters, Scope scope) {
        Object value = text;
        for (FilterCall filter : filters) {
            value = evaluator.filter(value, filter.name(), filter.arguments(), scope);
        }
        return Values.text(value, budget);
    }

    private Callable macro(Statement.Macro macro, Scope definedIn) {
        return (positional, named) -> {
            if (positional.size() > macro.parameters().size()
                    || !macro.parameters().containsAll(named.keySet())) {
                throw new TemplateFault(
                        "macro '" + macro.name() + "' was called with unexpected arguments");
            }
            Scope scope = new Scope(definedIn);
            for (int i = 0; i < macro.parameters().size(); i++) {
                String parameter = macro.parameters().get(i);
                Expression absent = macro.defaults().get(parameter);
                if (i < positional.size()) {
                    scope.set(parameter, positional.get(i));
                } else if (named.containsKey(parameter)) {
                    scope.set(parameter, named.get(parameter));
                } else if (absent != null) {
                    scope.set(parameter, evaluator.value(absent, scope));
                } else {
                    scope.set(
                            parameter,
                            new Undefined("parameter '" + parameter + "' was not provided"));
                }
            }
            return render(macro.body(), scope);
        };
    }
}
