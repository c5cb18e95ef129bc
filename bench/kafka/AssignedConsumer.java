import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** Reads one partition from its beginning without a group: ADDRESS TOPIC RECORDS. The clock starts with the first record. */
public class AssignedConsumer {
    public static void main(String[] arguments) {
        long wanted = Long.parseLong(arguments[2]);
        Map<String, Object> settings = Map.of("bootstrap.servers", arguments[0], "enable.auto.commit", false, "check.crcs", false);
        try (var consumer = new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            var partition = new TopicPartition(arguments[1], 0);
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            long began = 0, bytes = 0, records = 0, deadline = System.nanoTime() + 60_000_000_000L;
            while (records < wanted && System.nanoTime() < deadline) {
                var polled = consumer.poll(Duration.ofMillis(100));
                if (began == 0 && !polled.isEmpty()) began = System.nanoTime();
                for (var record : polled) bytes += record.value().length;
                records += polled.count();
            }
            System.out.printf("%d bytes %d records %.6f seconds%n", bytes, records, (System.nanoTime() - began) / 1e9);
            if (records < wanted) System.exit(1);
        }
    }
}
