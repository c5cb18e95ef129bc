import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.requests.ProduceResponse;
import org.apache.kafka.common.utils.BufferSupplier;
import org.apache.kafka.common.utils.ByteBufferOutputStream;
import org.apache.kafka.common.utils.PrimitiveRef;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.storage.internals.log.AppendOrigin;
import org.apache.kafka.storage.internals.log.LogValidator;
import org.apache.kafka.storage.internals.log.RecordValidationException;

/**
 * Kafka's own codecs and record checks, over standard input and output. A request is an operation (1 byte), an argument (int32) and bytes
 * (int32, bytes); an answer is bytes.
 *
 *  p  compress; the argument is codec << 8 | (level & 0xff), where 0x7f is the codec's usual level
 *  j  judge a record batch as a broker does; the argument is 1 where the topic is compacted; the answer is "ok" or the exception
 */
public class KafkaCodecs {
    public static void main(String[] arguments) throws IOException {
        var in = new DataInputStream(new BufferedInputStream(System.in, 1 << 20));
        var out = new DataOutputStream(new BufferedOutputStream(System.out, 1 << 20));
        while (true) {
            int operation;
            try {
                operation = in.readByte();
            } catch (EOFException ended) {
                return;
            }
            int argument = in.readInt();
            byte[] bytes = in.readNBytes(in.readInt());
            byte[] answer = operation == 'p' ? packed(argument, bytes) : judged(bytes, argument == 1).getBytes(StandardCharsets.UTF_8);
            out.writeInt(answer.length);
            out.write(answer);
            if (in.available() == 0) out.flush();
        }
    }

    private static byte[] packed(int argument, byte[] bytes) throws IOException {
        int level = (byte) argument;
        var compression = level == 0x7f ? Compression.of(CompressionType.forId(argument >> 8)).build() : leveled(argument >> 8, level);
        var stream = new ByteBufferOutputStream(512);
        try (var packer = compression.wrapForOutput(stream, RecordBatch.MAGIC_VALUE_V2)) {
            packer.write(bytes);
        }
        var buffer = stream.buffer();
        buffer.flip();
        byte[] packed = new byte[buffer.remaining()];
        buffer.get(packed);
        return packed;
    }

    private static Compression leveled(int codec, int level) {
        return switch (CompressionType.forId(codec)) {
            case GZIP -> Compression.gzip().level(level).build();
            case LZ4 -> Compression.lz4().level(level).build();
            case ZSTD -> Compression.zstd().level(level).build();
            default -> Compression.of(CompressionType.forId(codec)).build();
        };
    }

    private static final LogValidator.MetricsRecorder nothing = new LogValidator.MetricsRecorder() {
        public void recordInvalidMagic() { }
        public void recordInvalidOffset() { }
        public void recordInvalidSequence() { }
        public void recordInvalidChecksums() { }
        public void recordNoKeyCompactedTopic() { }
    };

    /** As a request thread has them. */
    private static final BufferSupplier buffers = BufferSupplier.create();

    private static String judged(byte[] bytes, boolean isCompacted) {
        try {
            var records = MemoryRecords.readableRecords(ByteBuffer.wrap(bytes));
            var batch = records.batches().iterator().next();
            batch.ensureValid();
            var type = batch.compressionType();
            var validator = new LogValidator(records, new TopicPartition("t", 0), Time.SYSTEM, type, Compression.of(type).build(), isCompacted,
                RecordBatch.MAGIC_VALUE_V2, TimestampType.CREATE_TIME, Long.MAX_VALUE, Long.MAX_VALUE, 0, AppendOrigin.CLIENT);
            var result = validator.validateMessagesAndAssignOffsets(PrimitiveRef.ofLong(0), nothing, buffers);
            return "ok " + result.maxTimestampMs();
        } catch (RecordValidationException refused) {
            return refused.invalidException() + " at " + refused.recordErrors().stream().map(each -> each.batchIndex).toList();
        } catch (Throwable thrown) {
            return thrown.toString();
        }
    }
}
