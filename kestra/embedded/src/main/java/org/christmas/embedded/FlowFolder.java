package org.christmas.embedded;

import io.kestra.core.models.flows.FlowId;
import io.kestra.core.models.flows.FlowSource;
import io.kestra.core.models.flows.FlowWithSource;
import io.kestra.core.models.validations.ValidateConstraintViolation;
import io.kestra.core.repositories.FlowRepositoryInterface;
import io.kestra.core.services.FlowService;
import io.micronaut.context.ApplicationContext;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * The flow files of one or more folders, which the engine's stored flows are made equal to.
 *
 * <p>All files are read strictly before the first one is stored, so that a broken file changes nothing.
 */
final class FlowFolder {
    private final List<Path> folders;

    private FlowFolder(List<Path> folders) {
        this.folders = folders;
    }

    /** Folders joined by the system's path separator. */
    static FlowFolder of(String joined) {
        return new FlowFolder(Arrays.stream(joined.split(File.pathSeparator)).filter(f -> !f.isBlank()).map(Path::of).toList());
    }

    /**
     * Stores every flow (an unchanged one gets no new revision) and deletes stored flows that no file holds.
     *
     * @throws StartProblem naming each file that is not a valid flow, and why
     */
    void deploy(ApplicationContext context) throws IOException {
        FlowService flows = context.getBean(FlowService.class);
        Map<String, String> sources = readAll(flows);
        for (Map.Entry<String, String> flow : sources.entrySet()) {
            try {
                flows.importFlow(Tenant.MAIN, flow.getValue());
            } catch (Exception e) {
                throw new StartProblem("flow " + flow.getKey() + ": " + e.getMessage(), e);
            }
        }
        for (FlowWithSource stored : context.getBean(FlowRepositoryInterface.class).findAllWithSourceWithNoAcl(Tenant.MAIN)) {
            if (!sources.containsKey(key(stored))) {
                flows.delete(stored);
            }
        }
    }

    /** The sources of all files, by namespace and id, in the order of their names. */
    private Map<String, String> readAll(FlowService flows) throws IOException {
        Map<String, String> sources = new LinkedHashMap<>();
        List<String> problems = new ArrayList<>();
        for (Path file : files()) {
            String name = file.getFileName().toString();
            String source = Files.readString(file);
            ValidateConstraintViolation result = flows.validate(Tenant.MAIN, List.of(new FlowSource(name, source))).getFirst();
            if (result.getConstraints() != null) {
                problems.add("flow " + name + ": " + result.getConstraints());
            } else if (!name.equals(result.getFlow() + ".yml")) {
                problems.add("flow " + name + ": its id is " + result.getFlow() + ", but the id must equal the file's name");
            } else if (sources.put(result.getNamespace() + "." + result.getFlow(), source) != null) {
                problems.add("flow " + name + ": a second file holds the id " + result.getFlow() + " of " + result.getNamespace());
            }
        }
        if (!problems.isEmpty()) {
            throw new StartProblem(String.join("; ", problems));
        }
        return sources;
    }

    private List<Path> files() throws IOException {
        List<Path> files = new ArrayList<>();
        for (Path folder : folders) {
            if (!Files.isDirectory(folder)) {
                throw new StartProblem("the flows folder " + folder + " does not exist");
            }
            try (Stream<Path> found = Files.walk(folder)) {
                found.filter(p -> p.toString().endsWith(".yml")).sorted().forEach(files::add);
            }
        }
        return files;
    }

    private static String key(FlowId flow) {
        return flow.getNamespace() + "." + flow.getId();
    }
}
