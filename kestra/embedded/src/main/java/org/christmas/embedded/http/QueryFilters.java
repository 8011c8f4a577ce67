package org.christmas.embedded.http;

import io.kestra.core.models.QueryFilter;
import io.kestra.core.models.QueryFilter.Field;
import io.kestra.core.models.QueryFilter.Logical;
import io.kestra.core.models.QueryFilter.Op;
import io.micronaut.core.convert.value.ConvertibleMultiValues;
import io.micronaut.data.model.Pageable;
import io.micronaut.data.model.Sort;
import io.micronaut.http.HttpRequest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads a search from the query string, in the forms that Kestra's clients write.
 *
 * <p>{@code filters[flowId][EQUALS]=x}, {@code filters[labels][EQUALS][key]=value}, {@code filters[or][0][...][...]=...},
 * one further level of {@code [and][n]}, and the older {@code namespace=}, {@code flowId=}, {@code state=},
 * {@code labels=key:value}.
 */
final class QueryFilters {
    private static final Pattern PART = Pattern.compile("\\[([^\\]]*)\\]");
    private static final int LARGEST_PAGE = 1000;

    private QueryFilters() {
    }

    /** {@return the filters, of which all must hold} */
    static List<QueryFilter> from(HttpRequest<?> request) {
        ConvertibleMultiValues<String> parameters = request.getParameters();
        Group top = new Group(Logical.AND);
        parameters.forEach((name, values) -> {
            if (name.startsWith("filters[")) {
                List<String> path = parts(name);
                values.forEach(value -> top.add(path, value));
            }
        });
        for (String plain : List.of("namespace", "flowId", "triggerExecutionId")) {
            parameters.getFirst(plain).ifPresent(value -> top.add(List.of(plain, "EQUALS"), value));
        }
        if (!parameters.getAll("state").isEmpty()) {
            top.add(List.of("state", "IN"), String.join(",", parameters.getAll("state")));
        }
        for (String label : parameters.getAll("labels")) {
            String[] pair = label.split(":", 2);
            top.add(List.of("labels", "EQUALS", pair[0]), pair.length == 2 ? pair[1] : "");
        }
        return top.filters();
    }

    /**
     * {@return page (from 1, default 1), size (default 10) and order of a search}
     *
     * @param columns translates the API's names into the repository's
     */
    static Pageable page(HttpRequest<?> request, UnaryOperator<String> columns) {
        ConvertibleMultiValues<String> parameters = request.getParameters();
        int page = parameters.getFirst("page").map(Integer::parseInt).orElse(1);
        int size = parameters.getFirst("size").map(Integer::parseInt).orElse(10);
        if (page < 1 || size < 1 || size > LARGEST_PAGE) {
            throw new IllegalArgumentException("page counts from 1, and size is 1 to " + LARGEST_PAGE);
        }
        List<Sort.Order> orders = new ArrayList<>();
        for (String sort : parameters.getAll("sort")) {
            String[] pair = sort.split(":", 2);
            String column = columns.apply(pair[0]);
            orders.add(pair.length == 2 && "desc".equalsIgnoreCase(pair[1]) ? Sort.Order.desc(column) : Sort.Order.asc(column));
        }
        return orders.isEmpty() ? Pageable.from(page, size) : Pageable.from(page, size, Sort.of(orders));
    }

    private static List<String> parts(String name) {
        List<String> parts = new ArrayList<>();
        Matcher matcher = PART.matcher(name);
        while (matcher.find()) {
            parts.add(matcher.group(1));
        }
        return parts;
    }

    /** Collects leaves and groups while the parameters are read in any order. */
    private static final class Group {
        private final Logical logical;
        private final List<QueryFilter> leaves = new ArrayList<>();
        private final Map<Logical, Map<String, Group>> groups = new TreeMap<>();

        Group(Logical logical) {
            this.logical = logical;
        }

        void add(List<String> path, String value) {
            if (path.size() < 2) {
                throw new IllegalArgumentException("A filter has the form filters[field][OPERATION]=value");
            }
            if ("and".equals(path.get(0)) || "or".equals(path.get(0))) {
                Logical inner = Logical.fromString(path.get(0));
                groups.computeIfAbsent(inner, __ -> new TreeMap<>())
                    .computeIfAbsent(path.get(1), __ -> new Group(Logical.AND))
                    .add(path.subList(2, path.size()), value);
            } else if (path.size() == 2) {
                leaves.add(leaf(path.get(0), path.get(1), value));
            } else {
                // Each key is a filter of its own: the engine reads a map of several as "any of them" for some operations.
                leaves.add(new QueryFilter(Field.fromString(path.get(0)), Op.fromString(path.get(1)), Map.of(path.get(2), value), null, null));
            }
        }

        List<QueryFilter> filters() {
            List<QueryFilter> all = new ArrayList<>(leaves);
            groups.forEach((inner, members) -> {
                List<QueryFilter> children = members.values().stream().map(Group::asOne).toList();
                all.add(children.size() == 1 ? children.getFirst() : new QueryFilter(null, null, null, inner, children));
            });
            return all;
        }

        private QueryFilter asOne() {
            List<QueryFilter> all = filters();
            return all.size() == 1 ? all.getFirst() : new QueryFilter(null, null, null, logical, all);
        }

        private static QueryFilter leaf(String field, String operation, String value) {
            Op op = Op.fromString(operation);
            Object given = op == Op.IN || op == Op.NOT_IN ? Arrays.asList(value.split(",")) : value;
            return new QueryFilter(Field.fromString(field), op, given, null, null);
        }
    }
}
