package dev.ocellus.loader.template;

import dev.ocellus.loader.template.Statement.FilterCall;
import dev.ocellus.loader.template.Statement.Target;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Parses a template into statements. */
final class TemplateParser {
    /** Nesting that no real template comes near; keeps a hostile one from exhausting the stack. */
    private static final int MAX_DEPTH = 60;

    private final TokenStream tokens;
    private final ExpressionParser expressions;
    private int depth;

    private TemplateParser(List<Token> tokens) {
        this.tokens = new TokenStream(tokens);
        this.expressions = new ExpressionParser(this.tokens);
    }

    static List<Statement> parse(String template) {
        TemplateParser parser = new TemplateParser(Lexer.tokens(template));
        List<Statement> statements = parser.body(Set.of());
        if (parser.tokens.peek().kind() != Token.Kind.END) {
            throw parser.tokens.unexpected("a statement");
        }
        return statements;
    }

    /**
     * Statements up to a block that begins with one of the names, which stays unread behind its
     * opening mark.
     */
    private List<Statement> body(Set<String> ends) {
        if (++depth > MAX_DEPTH) {
            throw new TemplateFault(
                    "line " + tokens.peek().line() + ": blocks are nested too deeply");
        }
        List<Statement> statements = new ArrayList<>();
        while (true) {
            switch (tokens.peek().kind()) {
                case DATA -> statements.add(new Statement.Data(tokens.next().text()));
                case OUTPUT_BEGIN -> {
                    tokens.next();
                    statements.add(new Statement.Output(expressions.tupleOrExpression()));
                    tokens.expect(Token.Kind.OUTPUT_END, "'}}'");
                }
                case BLOCK_BEGIN -> {
                    tokens.next();
                    if (ends.contains(tokens.peek().text())) {
                        depth--;
                        return statements;
                    }
                    statements.add(statement());
                }
                default -> {
                    if (!ends.isEmpty()) {
                        throw tokens.unexpected("one of " + ends);
                    }
                    depth--;
                    return statements;
                }
            }
        }
    }

    private List<Statement> bodyOf(String end) {
        endBlock();
        List<Statement> body = body(Set.of(end));
        tokens.next();
        endBlock();
        return body;
    }

    private void endBlock() {
        tokens.expect(Token.Kind.BLOCK_END, "'%}'");
    }

    private Statement statement() {
        Token keyword = tokens.peek();
        return switch (tokens.expectName()) {
            case "if" -> ifStatement();
            case "for" -> forStatement();
            case "set" -> set();
            case "macro" -> macro();
            case "with" -> with();
            case "filter" -> {
                List<FilterCall> filters = filters(true);
                yield new Statement.FilterBlock(filters, bodyOf("endfilter"));
            }
            case "generation" -> new Statement.Group(bodyOf("endgeneration"));
            case "break" -> {
                endBlock();
                yield new Statement.Break();
            }
            case "continue" -> {
                endBlock();
                yield new Statement.Continue();
            }
            default ->
                    throw new TemplateFault(
                            "line "
                                    + keyword.line()
                                    + ": the statement '"
                                    + keyword.text()
                                    + "' is not supported");
        };
    }

    private Statement ifStatement() {
        List<Statement.Branch> branches = new ArrayList<>();
        Expression condition = expressions.tupleOrExpression();
        while (true) {
            endBlock();
            Set<String> ends =
                    condition == null ? Set.of("endif") : Set.of("elif", "else", "endif");
            branches.add(new Statement.Branch(condition, body(ends)));
            String end = tokens.next().text();
            if (end.equals("endif")) {
                endBlock();
                return new Statement.If(branches);
            }
            condition = end.equals("elif") ? expressions.tupleOrExpression() : null;
        }
    }

    private Statement forStatement() {
        boolean bracket = tokens.takeOperator("(");
        List<String> targets = new ArrayList<>(List.of(tokens.expectName()));
        while (tokens.takeOperator(",")) {
            targets.add(tokens.expectName());
        }
        if (bracket) {
            tokens.expectOperator(")");
        }
        if (!tokens.takeName("in")) {
            throw tokens.unexpected("'in'");
        }
        Expression iterable = expressions.withoutConditional();
        Expression filter = tokens.takeName("if") ? expressions.expression() : null;
        endBlock();
        List<Statement> body = body(Set.of("else", "endfor"));
        List<Statement> otherwise = List.of();
        if (tokens.next().text().equals("else")) {
            endBlock();
            otherwise = body(Set.of("endfor"));
            tokens.next();
        }
        endBlock();
        return new Statement.For(targets, iterable, filter, body, otherwise);
    }

    private Statement set() {
        List<Target> targets = new ArrayList<>(List.of(target()));
        while (tokens.takeOperator(",")) {
            targets.add(target());
        }
        if (tokens.takeOperator("=")) {
            Expression value = expressions.tupleOrExpression();
            endBlock();
            return new Statement.Assign(targets, value);
        }
        List<FilterCall> filters = filters(false);
        return new Statement.AssignBlock(targets.get(0), filters, bodyOf("endset"));
    }

    private Target target() {
        String name = tokens.expectName();
        return new Target(name, tokens.takeOperator(".") ? tokens.expectName() : null);
    }

    private List<FilterCall> filters(boolean firstWithoutBar) {
        List<FilterCall> filters = new ArrayList<>();
        while (firstWithoutBar && filters.isEmpty() || tokens.takeOperator("|")) {
            String name = tokens.expectName();
            filters.add(
                    new FilterCall(
                            name,
                            tokens.isOperator("(")
                                    ? expressions.arguments()
                                    : Expression.Arguments.NONE));
        }
        return filters;
    }

    private Statement macro() {
        String name = tokens.expectName();
        List<String> parameters = new ArrayList<>();
        Map<String, Expression> defaults = new LinkedHashMap<>();
        tokens.expectOperator("(");
        while (!tokens.takeOperator(")")) {
            if (!parameters.isEmpty()) {
                tokens.expectOperator(",");
            }
            String parameter = tokens.expectName();
            parameters.add(parameter);
            if (tokens.takeOperator("=")) {
                defaults.put(parameter, expressions.expression());
            }
        }
        return new Statement.Macro(name, parameters, defaults, bodyOf("endmacro"));
    }

    private Statement with() {
        Map<String, Expression> values = new LinkedHashMap<>();
        while (tokens.peek().kind() != Token.Kind.BLOCK_END) {
            if (!values.isEmpty()) {
                tokens.expectOperator(",");
            }
            String name = tokens.expectName();
            tokens.expectOperator("=");
            values.put(name, expressions.expression());
        }
        return new Statement.With(values, bodyOf("endwith"));
    }
}
