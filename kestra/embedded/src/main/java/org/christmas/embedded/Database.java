package org.christmas.embedded;

import io.micronaut.context.env.Environment;
import io.micronaut.core.value.PropertyResolver;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.h2.mvstore.DataUtils;
import org.h2.mvstore.MVStoreException;

/**
 * The engine's H2 database, beside the engine.
 *
 * @param url as the engine opens it
 */
record Database(String url, String user) {
    private static final String PREFIX = "jdbc:h2:async:";
    private static final Set<Integer> DAMAGE = Set.of(DataUtils.ERROR_FILE_CORRUPT, DataUtils.ERROR_CHUNK_NOT_FOUND);

    /** {@return the database of an engine; none for a worker} */
    static Optional<Database> of(PropertyResolver settings) {
        return settings.getProperty("datasources.h2.url", String.class)
            .map(url -> new Database(url, settings.getProperty("datasources.h2.username", String.class, "")));
    }

    /**
     * Ends the transactions that a kill has left open, before the engine opens the database.
     *
     * <p>H2 2.4.240 rolls them back before it knows the tables, and for as long as it then stays open, reads the ENUM
     * columns of those tables as numbers: an execution's state would be {@code 6}, and a comparison with a state fails
     * (error 22018). Opened a second time there is nothing to roll back, and everything reads as it was written.
     *
     * @throws StartProblem it is damaged
     * @throws SQLException it can't be opened; in use, for example
     */
    static void recover(Environment settings) throws SQLException {
        Optional<Database> found = of(settings);
        if (found.isPresent() && Files.exists(found.get().file())) {
            found.get().openAndClose();
        }
    }

    /** {@return a connection to it; in the same process as the engine, beside the engine's own} */
    Connection connect() throws SQLException {
        return DriverManager.getConnection(url, user, "");
    }

    /** Writes and compacts the file. The engine leaves its database open when it ends. */
    void close() {
        try {
            shutDown();
        } catch (SQLException e) {
            System.err.println("The database was not closed in order; it will be recovered at the next start");
        }
    }

    private void openAndClose() throws SQLException {
        try {
            shutDown();
        } catch (SQLException e) {
            if (!isDamage(e)) {
                throw e;
            }
            throw new StartProblem("Kestra's database is damaged: move the folder " + file().getParent() + " away, start "
                + "again, and run reconcile. What was planned is in Notion; see docs/OPERATIONS.md, When something is lost", e);
        }
    }

    /** H2's SQL error codes tell it only in part: the store's own one stands among the causes. */
    private static boolean isDamage(Throwable problem) {
        return Stream.iterate(problem, Objects::nonNull, Throwable::getCause)
            .anyMatch(cause -> cause instanceof MVStoreException store && DAMAGE.contains(store.getErrorCode()));
    }

    private Path file() {
        return Path.of(url.substring(PREFIX.length(), url.indexOf(';')) + ".mv.db");
    }

    private void shutDown() throws SQLException {
        try (Connection connection = connect(); Statement statement = connection.createStatement()) {
            statement.execute("SHUTDOWN");
        }
    }
}
