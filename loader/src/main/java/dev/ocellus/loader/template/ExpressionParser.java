package dev.ocellus.loader.template;

import dev.ocellus.loader.template.Expression.Arguments;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Parses expressions, loosest binding first. */
final class ExpressionParser {
    /** Nesting that no real template comes near; keeps a hostile one from exhausting the stack. */
    private static final int MAX_DEPTH = 100;

    private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=");

    private final TokenStream tokens;
    private int depth;

    ExpressionParser(TokenStream tokens) {
        this.tokens = tokens;
    }

    /** An expression or, with commas, a tuple. */
    Expression tupleOrExpression() {
        Expression first = expression();
        if (!tokens.isOperator(",")) {
            return first;
        }
        List<Expression> items = new ArrayList<>(List.of(first));
        while (tokens.takeOperator(",")) {
            if (endsTuple()) {
                break;
            }
            items.add(expression());
        }
        return new Expression.TupleOf(items);
    }

    private boolean endsTuple() {
        return switch (tokens.peek().kind()) {
            case BLOCK_END, OUTPUT_END -> true;
            default -> tokens.isOperator(")");
        };
    }

    Expression expression() {
        if (++depth > MAX_DEPTH) {
            throw new TemplateFault(
                    "line " + tokens.peek().line() + ": expressions are nested too deeply");
        }
        Expression value = or();
        while (tokens.takeName("if")) {
            Expression condition = or();
            Expression otherwise = tokens.takeName("else") ? expression() : null;
            value = new Expression.Conditional(condition, value, otherwise);
        }
        depth--;
        return value;
    }

    /** An expression whose {@code if} belongs to what is around it, as in a loop's head. */
    Expression withoutConditional() {
        return or();
    }

    private Expression or() {
        Expression left = and();
        while (tokens.takeName("or")) {
            left = new Expression.Binary("or", left, and());
        }
        return left;
    }

    private Expression and() {
        Expression left = not();
        while (tokens.takeName("and")) {
            left = new Expression.Binary("and", left, not());
        }
        return left;
    }

    private Expression not() {
        int count = 0;
        while (tokens.takeName("not")) {
            count++;
        }
        Expression value = comparison();
        for (int i = 0; i < count; i++) {
            value = new Expression.Unary("not", value);
        }
        return value;
    }

    private Expression comparison() {
        Expression first = sum();
        List<String> operators = new ArrayList<>();
        List<Expression> rest = new ArrayList<>();
        while (true) {
            if (tokens.peek().kind() == Token.Kind.OPERATOR
                    && COMPARISONS.contains(tokens.peek().text())) {
                operators.add(tokens.next().text());
            } else if (tokens.takeName("in")) {
                operators.add("in");
            } else if (tokens.isName("not") && tokens.peekSecond().is(Token.Kind.NAME, "in")) {
                tokens.next();
                tokens.next();
                operators.add("not in");
            } else {
                return operators.isEmpty()
                        ? first
                        : new Expression.Comparison(first, operators, rest);
            }
            rest.add(sum());
        }
    }

    private Expression sum() {
        Expression left = concatenation();
        while (tokens.isOperator("+") || tokens.isOperator("-")) {
            left = new Expression.Binary(tokens.next().text(), left, concatenation());
        }
        return left;
    }

    private Expression concatenation() {
        Expression left = product();
        while (tokens.takeOperator("~")) {
            left = new Expression.Binary("~", left, product());
        }
        return left;
    }

    private Expression product() {
        Expression left = power();
        while (tokens.isOperator("*")
                || tokens.isOperator("/")
                || tokens.isOperator("//")
                || tokens.isOperator("%")) {
            left = new Expression.Binary(tokens.next().text(), left, power());
        }
        return left;
    }

    private Expression power() {
        Expression left = unary(true);
        while (tokens.takeOperator("**")) {
            left = new Expression.Binary("**", left, unary(true));
        }
        return left;
    }

    private Expression unary(boolean withFilters) {
        if (++depth > MAX_DEPTH) {
            throw new TemplateFault(
                    "line " + tokens.peek().line() + ": expressions are nested too deeply");
        }
        Expression value;
        if (tokens.isOperator("-") || tokens.isOperator("+")) {
            String operator = tokens.next().text();
            value = new Expression.Unary(operator, unary(false));
        } else {
            value = primary();
        }
        value = postfix(value);
        if (withFilters) {
            value = filtersAndTests(value);
        }
        depth--;
        return value;
    }

    private Expression primary() {
        Token token = tokens.peek();
        switch (token.kind()) {
            case NAME -> {
                return name(tokens.next().text());
            }
            case STRING -> {
                StringBuilder text = new StringBuilder();
                while (tokens.peek().kind() == Token.Kind.STRING) {
                    text.append(tokens.next().text());
                }
                return new Expression.Literal(text.toString());
            }
            case INTEGER -> {
                return new Expression.Literal(integer(tokens.next().text()));
            }
            case FLOAT -> {
                return new Expression.Literal(
                        Double.parseDouble(tokens.next().text().replace("_", "")));
            }
            default -> {
                return bracketed();
            }
        }
    }

    private static Expression name(String name) {
        return switch (name) {
            case "true", "True" -> new Expression.Literal(true);
            case "false", "False" -> new Expression.Literal(false);
            case "none", "None" -> new Expression.Literal(null);
            default -> new Expression.Name(name);
        };
    }

    private Long integer(String text) {
        try {
            return Long.valueOf(text.replace("_", ""));
        } catch (NumberFormatException e) {
            throw new TemplateFault("the number " + text + " is too large");
        }
    }

    private Expression bracketed() {
        if (tokens.takeOperator("(")) {
            if (tokens.takeOperator(")")) {
                return new Expression.TupleOf(List.of());
            }
            Expression inner = tupleOrExpression();
            tokens.expectOperator(")");
            return inner;
        }
        if (tokens.takeOperator("[")) {
            List<Expression> items = new ArrayList<>();
            while (!tokens.takeOperator("]")) {
                if (!items.isEmpty()) {
                    tokens.expectOperator(",");
                    if (tokens.takeOperator("]")) {
                        break;
                    }
                }
                items.add(expression());
            }
            return new Expression.ListOf(items);
        }
        if (tokens.takeOperator("{")) {
            List<Map.Entry<Expression, Expression>> entries = new ArrayList<>();
            while (!tokens.takeOperator("}")) {
                if (!entries.isEmpty()) {
                    tokens.expectOperator(",");
                    if (tokens.takeOperator("}")) {
                        break;
                    }
                }
                Expression key = expression();
                tokens.expectOperator(":");
                entries.add(Map.entry(key, expression()));
            }
            return new Expression.DictOf(entries);
        }
        throw tokens.unexpected("an expression");
    }

    private Expression postfix(Expression start) {
        Expression value = start;
        while (true) {
            if (tokens.takeOperator(".")) {
                value =
                        tokens.peek().kind() == Token.Kind.INTEGER
                                ? new Expression.Item(
                                        value,
                                        new Expression.Literal(integer(tokens.next().text())))
                                : new Expression.Attribute(value, tokens.expectName());
            } else if (tokens.takeOperator("[")) {
                value = subscript(value);
            } else if (tokens.isOperator("(")) {
                value = new Expression.Call(value, arguments());
            } else {
                return value;
            }
        }
    }

    private Expression subscript(Expression target) {
        Expression[] bounds = new Expression[3];
        int bound = 0;
        while (!tokens.takeOperator("]")) {
            if (tokens.takeOperator(":")) {
                if (++bound > 2) {
                    throw tokens.unexpected("']'");
                }
            } else {
                bounds[bound] = expression();
            }
        }
        if (bound > 0) {
            return new Expression.Slice(target, bounds[0], bounds[1], bounds[2]);
        }
        if (bounds[0] == null) {
            throw tokens.unexpected("an index");
        }
        return new Expression.Item(target, bounds[0]);
    }

    private Expression filtersAndTests(Expression start) {
        Expression value = start;
        while (true) {
            if (tokens.takeOperator("|")) {
                String name = tokens.expectName();
                value =
                        new Expression.Filter(
                                value, name, tokens.isOperator("(") ? arguments() : Arguments.NONE);
            } else if (tokens.takeName("is")) {
                value = test(value);
            } else if (tokens.isOperator("(")) {
                value = new Expression.Call(value, arguments());
            } else {
                return value;
            }
        }
    }

    private Expression test(Expression target) {
        boolean negated = tokens.takeName("not");
        String name = tokens.expectName();
        Arguments arguments = Arguments.NONE;
        if (tokens.isOperator("(")) {
            arguments = arguments();
        } else if (beginsTestArgument()) {
            arguments = new Arguments(List.of(postfix(primary())), Map.of());
        }
        Expression test = new Expression.Test(target, name, arguments);
        return negated ? new Expression.Unary("not", test) : test;
    }

    private boolean beginsTestArgument() {
        Token token = tokens.peek();
        return switch (token.kind()) {
            case STRING, INTEGER, FLOAT -> true;
            case NAME ->
                    !Set.of("else", "or", "and", "if", "is", "not", "in").contains(token.text());
            case OPERATOR -> token.text().equals("[") || token.text().equals("{");
            default -> false;
        };
    }

    Arguments arguments() {
        tokens.expectOperator("(");
        List<Expression> positional = new ArrayList<>();
        Map<String, Expression> named = new LinkedHashMap<>();
        boolean first = true;
        while (!tokens.takeOperator(")")) {
            if (!first) {
                tokens.expectOperator(",");
                if (tokens.takeOperator(")")) {
                    break;
                }
            }
            first = false;
            if (tokens.peek().kind() == Token.Kind.NAME
                    && tokens.peekSecond().is(Token.Kind.OPERATOR, "=")) {
                String name = tokens.next().text();
                tokens.next();
                named.put(name, expression());
            } else {
                positional.add(expression());
            }
        }
        return new Arguments(positional, named);
    }
}
