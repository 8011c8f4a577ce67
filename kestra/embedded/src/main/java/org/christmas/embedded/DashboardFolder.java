package org.christmas.embedded;

import io.kestra.core.models.dashboards.Dashboard;
import io.kestra.core.models.dashboards.charts.Chart;
import io.kestra.plugin.core.dashboard.chart.Markdown;
import io.micronaut.context.ApplicationContext;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.ZonedDateTime;
import java.util.List;
import java.util.stream.Stream;

/**
 * The dashboard files of one folder.
 *
 * <p>The open-source engine stores no dashboards since 2.0.0: the files are read, and each chart is asked for its figures
 * once, so that a file which no Kestra could show stops the start.
 */
final class DashboardFolder {
    private final Path folder;

    DashboardFolder(Path folder) {
        this.folder = folder;
    }

    /** @throws StartProblem naming the first file, and where it gets as far the chart, that can't be shown, and why */
    void check(ApplicationContext context) throws IOException {
        Charts charts = context.getBean(Charts.class);
        for (Path file : files()) {
            check(charts, file.getFileName().toString(), Files.readString(file));
        }
    }

    private static void check(Charts charts, String name, String source) {
        Dashboard dashboard;
        try {
            dashboard = charts.dashboard(source);
        } catch (RuntimeException e) {
            throw new StartProblem("dashboard " + name + ": " + e.getMessage(), e);
        }
        if (!name.equals(dashboard.getId() + ".yml")) {
            throw new StartProblem("dashboard " + name + ": its id is " + dashboard.getId() + ", but the id must equal the file's name");
        }
        ZonedDateTime now = ZonedDateTime.now();
        for (Chart<?> chart : dashboard.getCharts()) {
            if (chart instanceof Markdown) {
                continue;
            }
            try {
                charts.figures(chart, List.of(), now.minus(dashboard.getTimeWindow().getDefaultDuration()), now, null);
            } catch (Exception e) {
                throw new StartProblem("dashboard " + name + ": the chart " + chart.getId() + ": " + e.getMessage(), e);
            }
        }
    }

    private List<Path> files() throws IOException {
        if (!Files.isDirectory(folder)) {
            throw new StartProblem("the dashboards folder " + folder + " does not exist");
        }
        try (Stream<Path> found = Files.walk(folder)) {
            return found.filter(p -> p.toString().endsWith(".yml")).sorted().toList();
        }
    }
}
