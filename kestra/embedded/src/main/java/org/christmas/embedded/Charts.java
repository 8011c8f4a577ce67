package org.christmas.embedded;

import io.kestra.core.models.QueryFilter;
import io.kestra.core.models.dashboards.Dashboard;
import io.kestra.core.models.dashboards.DataFilter;
import io.kestra.core.models.dashboards.DataFilterKPI;
import io.kestra.core.models.dashboards.charts.Chart;
import io.kestra.core.models.dashboards.charts.DataChart;
import io.kestra.core.models.dashboards.charts.DataChartKPI;
import io.kestra.core.models.validations.ModelValidator;
import io.kestra.core.repositories.ArrayListTotal;
import io.kestra.core.serializers.YamlParser;
import io.kestra.core.services.ChartDataService;
import io.micronaut.context.annotation.Requires;
import io.micronaut.core.annotation.Nullable;
import io.micronaut.data.model.Pageable;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.time.ZonedDateTime;
import java.util.List;
import java.util.Map;

/** Reads dashboards and charts strictly, and asks the engine for what a chart shows. */
@Singleton
@Requires(property = "kestra.server-type", notEquals = "WORKER")
public class Charts {
    private final ChartDataService data;
    private final ModelValidator validator;

    Charts(ChartDataService data, ModelValidator validator) {
        this.data = data;
        this.validator = validator;
    }

    /** Reads a dashboard; an unknown property, chart type or field is a {@code ConstraintViolationException}. */
    public Dashboard dashboard(String source) {
        Dashboard parsed = YamlParser.parse(source, Dashboard.class);
        validator.validate(parsed);
        return parsed;
    }

    /** Reads one chart as strictly as {@link #dashboard}. */
    public Chart<?> chart(String source) {
        Chart<?> parsed = YamlParser.parse(source, Chart.class);
        validator.validate(parsed);
        return parsed;
    }

    /**
     * {@return what the chart shows for the executions between two times}
     *
     * @param page null for all rows
     * @throws IllegalArgumentException the chart shows text, not data
     */
    @SuppressWarnings({"rawtypes", "unchecked"})
    public ArrayListTotal<Map<String, Object>> figures(
        Chart<?> chart, List<QueryFilter> filters, ZonedDateTime start, ZonedDateTime end, @Nullable Pageable page) throws IOException {
        if (chart instanceof DataChart dataChart) {
            ((DataFilter<?, ?>) dataChart.getData()).updateWhereWithGlobalFilters(filters, start, end);
            return data.generate(Tenant.MAIN, dataChart, start, end, page);
        }
        if (chart instanceof DataChartKPI numberChart) {
            ((DataFilterKPI<?, ?>) numberChart.getData()).updateWhereWithGlobalFilters(filters, start, end);
            return new ArrayListTotal<>(data.generateKPI(Tenant.MAIN, numberChart, start, end), 1);
        }
        throw new IllegalArgumentException("Only data charts can be generated.");
    }
}
