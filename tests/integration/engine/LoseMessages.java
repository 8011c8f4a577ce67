import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;

/**
 * Leaves an engine's database as a kill of the executor does: a new state is written, the message to go on was never sent.
 *
 * <p>Arguments: the data folder, an execution whose date has come, one that has taken in the result of its first task.
 */
class LoseMessages {
    public static void main(String[] arguments) throws Exception {
        String url = "jdbc:h2:async:" + arguments[0] + "/db/kestra;TIME ZONE=UTC";
        try (Connection connection = DriverManager.getConnection(url, "kestra", "")) {
            expectOne(connection.createStatement().executeUpdate(
                "DELETE FROM executordelayed WHERE \"key\" = '" + arguments[1] + "_null'"));
            backAfterFirstTask(connection, arguments[2]);
            connection.createStatement().execute("SHUTDOWN");
        }
    }

    private static void backAfterFirstTask(Connection connection, String id) throws Exception {
        ObjectMapper json = new ObjectMapper();
        PreparedStatement read = connection.prepareStatement("SELECT \"value\" FROM executions WHERE \"key\" = ?");
        read.setString(1, id);
        ResultSet row = read.executeQuery();
        row.next();
        ObjectNode execution = (ObjectNode) json.readTree(row.getString(1));
        keepFirst((ArrayNode) execution.get("taskRunList"), 1);
        ObjectNode state = (ObjectNode) execution.get("state");
        state.put("current", "RUNNING");
        keepFirst((ArrayNode) state.get("histories"), 2);
        PreparedStatement write = connection.prepareStatement("UPDATE executions SET \"value\" = ? WHERE \"key\" = ?");
        write.setString(1, json.writeValueAsString(execution));
        write.setString(2, id);
        expectOne(write.executeUpdate());
    }

    private static void expectOne(int rows) {
        if (rows != 1) {
            throw new IllegalStateException("It was not one row but " + rows);
        }
    }

    private static void keepFirst(ArrayNode items, int count) {
        while (items.size() > count) {
            items.remove(items.size() - 1);
        }
    }
}
