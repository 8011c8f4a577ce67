package org.christmas.embedded.http;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import io.kestra.core.models.QueryFilter;
import io.kestra.core.models.dashboards.charts.Chart;
import io.kestra.core.repositories.ArrayListTotal;
import io.micronaut.core.annotation.Introspected;
import io.micronaut.core.annotation.Nullable;
import io.micronaut.data.model.Pageable;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Post;
import io.micronaut.scheduling.TaskExecutors;
import io.micronaut.scheduling.annotation.ExecuteOn;
import java.io.IOException;
import java.time.ZonedDateTime;
import java.util.List;
import java.util.Map;
import org.christmas.embedded.Charts;

/**
 * Dashboards as the open-source edition has them since 2.0.0: none is stored, so that the search is empty and a POST is 405;
 * any chart can be asked for its figures.
 */
@Controller(Addresses.API + "/dashboards")
@ExecuteOn(TaskExecutors.BLOCKING)
class DashboardController {
    private static final int DAYS_UNLESS_ASKED = 8;

    private final Charts charts;

    DashboardController(Charts charts) {
        this.charts = charts;
    }

    @Get
    Map<String, Object> search() {
        return Map.of("results", List.of(), "total", 0);
    }

    /** The figures of a chart that the caller describes in YAML. */
    @Post("/charts/preview")
    Map<String, Object> preview(@Body Preview preview) throws IOException {
        Chart<?> chart = charts.chart(preview.chart());
        Overrides asked = preview.globalFilter() == null ? new Overrides(null, null, null, null, null) : preview.globalFilter();
        ZonedDateTime end = asked.endDate() == null ? ZonedDateTime.now() : asked.endDate();
        ZonedDateTime start = asked.startDate() == null ? end.minusDays(DAYS_UNLESS_ASKED) : asked.startDate();
        if (end.isBefore(start)) {
            throw new IllegalArgumentException("`endDate` must be after `startDate`.");
        }
        Pageable page = asked.pageNumber() == null || asked.pageSize() == null ? null : Pageable.from(asked.pageNumber(), asked.pageSize());
        List<QueryFilter> filters = asked.filters() == null ? List.of() : asked.filters();
        ArrayListTotal<Map<String, Object>> found = charts.figures(chart, filters, start, end, page);
        return Map.of("results", found, "total", found.getTotal());
    }

    /** What to show. */
    @Introspected
    @JsonIgnoreProperties(ignoreUnknown = true)
    record Preview(String chart, @Nullable Overrides globalFilter) {
    }

    /** For which time, and which page of it. */
    @Introspected
    @JsonIgnoreProperties(ignoreUnknown = true)
    record Overrides(
        @Nullable ZonedDateTime startDate, @Nullable ZonedDateTime endDate, @Nullable Integer pageSize, @Nullable Integer pageNumber,
        @Nullable List<QueryFilter> filters) {
    }
}
