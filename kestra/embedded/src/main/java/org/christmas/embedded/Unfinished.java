package org.christmas.embedded;

import io.kestra.core.queues.DispatchQueueInterface;
import io.kestra.core.queues.QueueException;
import io.kestra.core.runners.ExecutionEvent;
import io.kestra.core.runners.ExecutionEventType;
import jakarta.inject.Singleton;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/**
 * Executions that are under way although nothing carries them on.
 *
 * <p>Kestra's executor writes an execution's new state first and sends itself the message to go on after that: when a date
 * has come, when a task is to be tried again, when a task's result has been taken in. Killed in between, it leaves an
 * execution that waits for ever. To be told once too often does no harm: the executor looks at the state and finds nothing new.
 */
@Singleton
class Unfinished {
    // What waits for its date has an entry in executordelayed, and is carried on by it.
    private static final String QUERY = """
        SELECT "tenant_id", "namespace", "flow_id", "id" FROM executions WHERE "deleted" = FALSE AND (
            "state_current" IN ('RUNNING', 'RESTARTED', 'RETRYING', 'KILLING') OR "state_current" = 'CREATED'
            AND NOT EXISTS (SELECT 1 FROM executordelayed WHERE executordelayed."key" = executions."id" || '_null'))
        """;

    private final DispatchQueueInterface<ExecutionEvent> events;

    Unfinished(DispatchQueueInterface<ExecutionEvent> events) {
        this.events = events;
    }

    /** Has the executor look at each of them, once it runs. */
    void carryOn(Database database) throws SQLException, QueueException {
        for (ExecutionEvent event : find(database)) {
            events.emit(event);
        }
    }

    private static List<ExecutionEvent> find(Database database) throws SQLException {
        List<ExecutionEvent> found = new ArrayList<>();
        try (Connection connection = database.connect(); Statement statement = connection.createStatement();
            ResultSet row = statement.executeQuery(QUERY)) {
            while (row.next()) {
                found.add(new ExecutionEvent(
                    row.getString(1), row.getString(2), row.getString(3), row.getString(4), Instant.now(), ExecutionEventType.UPDATED));
            }
        }
        return found;
    }
}
