package io.kestra.plugin.scripts.python;

import io.kestra.core.models.annotations.Plugin;
import io.kestra.core.models.property.Property;
import io.kestra.core.models.tasks.RunnableTask;
import io.kestra.core.models.tasks.runners.TargetOS;
import io.kestra.core.runners.FilesService;
import io.kestra.core.runners.RunContext;
import io.kestra.plugin.core.runner.Process;
import io.kestra.plugin.scripts.exec.AbstractExecScript;
import io.kestra.plugin.scripts.exec.scripts.models.ScriptOutput;
import io.kestra.plugin.scripts.exec.scripts.runners.CommandsWrapper;
import jakarta.validation.constraints.NotNull;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import lombok.Builder;
import lombok.EqualsAndHashCode;
import lombok.Getter;
import lombok.NoArgsConstructor;
import lombok.ToString;
import lombok.experimental.SuperBuilder;

/**
 * Runs a Python script with the {@code python3} of the PATH.
 *
 * <p>The name and the properties are those of Kestra's Python plugin, which is not published as an artifact, so that a
 * flow file is the same for both. What this class can't do (containers, installing packages, choosing a Python) fails
 * the task with a sentence instead of being ignored; settings that only tune an installation have no effect.
 */
@SuperBuilder
@ToString
@EqualsAndHashCode(callSuper = true)
@Getter
@NoArgsConstructor
@Plugin
public class Script extends AbstractExecScript implements RunnableTask<ScriptOutput> {
    /** Who would install {@link #dependencies}; accepted, and without effect as nothing is installed. */
    public enum PackageManager {
        UV,
        PIP
    }

    /** Names that JSON and Pebble write in lower case, so that a rendered value is valid Python. */
    private static final String JSON_NAMES = "true = True\nfalse = False\nnull = None\n";

    @NotNull
    protected Property<String> script;

    @Builder.Default
    protected Property<String> containerImage = Property.ofValue("python:3.13-slim");

    protected Property<List<String>> dependencies;

    protected Property<String> pythonVersion;

    @Builder.Default
    protected Property<Boolean> dependencyCacheEnabled = Property.ofValue(true);

    @Builder.Default
    protected Property<PackageManager> packageManager = Property.ofValue(PackageManager.UV);

    @Builder.Default
    protected Property<Boolean> uvAutoInstallEnabled = Property.ofValue(true);

    protected Property<String> uvInstallerVersion;

    protected Property<String> uvInstallerSha256;

    @Override
    public ScriptOutput run(RunContext runContext) throws Exception {
        refuseWhatIsNotSupported(runContext);
        CommandsWrapper commands = commands(runContext);
        Map<String, String> files =
            FilesService.inputFiles(runContext, commands.getTaskRunner().additionalVars(runContext, commands), getInputFiles());
        Path scriptFile = runContext.workingDir().path().relativize(runContext.workingDir().createTempFile(".py"));
        files.put(scriptFile.toString(), JSON_NAMES + commands.render(runContext, script));
        commands = commands.withInputFiles(files);
        TargetOS os = runContext.render(targetOS).as(TargetOS.class).orElse(null);
        String path = commands.getTaskRunner().toAbsolutePath(runContext, commands, scriptFile.toString(), os);
        return commands
            .addEnv(Map.of("PYTHONUNBUFFERED", "true"))
            .withInterpreter(interpreter)
            .withBeforeCommands(beforeCommands)
            .withBeforeCommandsWithOptions(true)
            .withCommands(Property.ofValue(List.of("python3 \"" + path + "\"")))
            .withTargetOS(os)
            .run();
    }

    private void refuseWhatIsNotSupported(RunContext runContext) throws Exception {
        if (!(getTaskRunner() instanceof Process) || getRunner() != null) {
            throw new IllegalArgumentException(
                "The embedded engine runs Python with taskRunner: {type: io.kestra.plugin.core.runner.Process} only.");
        }
        if (!runContext.render(dependencies).asList(String.class).isEmpty()) {
            throw new IllegalArgumentException(
                "The embedded engine installs no packages: remove dependencies, and install them for the python3 of the PATH.");
        }
        if (runContext.render(pythonVersion).as(String.class).isPresent()) {
            throw new IllegalArgumentException(
                "The embedded engine runs the python3 of the PATH: remove pythonVersion, or start it with another PATH.");
        }
    }
}
