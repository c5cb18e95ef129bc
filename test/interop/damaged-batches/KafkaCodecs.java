import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.lang.reflect.Proxy;
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
 *  j  validate a record batch as a broker does: of the argument, bit 0 is a compacted topic, bit 1 LogAppendTime, and bits 8 and above are the codec
 *     of compression.type, plus 1, or 0 for `producer`; in front of the batch are the time now, message.timestamp.before.max.ms and
 *     message.timestamp.after.max.ms (int64 each); the answer is "ok" and the largest timestamp, or the exception
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
            byte[] answer = operation == 'p' ? packed(argument, bytes) : validated(ByteBuffer.wrap(bytes), argument).getBytes(StandardCharsets.UTF_8);
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

    private static Time at(long now) {
        return (Time) Proxy.newProxyInstance(Time.class.getClassLoader(), new Class<?>[] {Time.class}, (proxy, method, arguments) -> {
            if (method.getName().equals("milliseconds")) return now;
            if (method.getName().equals("nanoseconds")) return now * 1_000_000;
            throw new UnsupportedOperationException(method.getName());
        });
    }

    private static String validated(ByteBuffer bytes, int argument) {
        try {
            var time = at(bytes.getLong());
            long beforeMaxMs = bytes.getLong();
            long afterMaxMs = bytes.getLong();
            var isCompacted = (argument & 1) != 0;
            var timestamps = (argument & 2) != 0 ? TimestampType.LOG_APPEND_TIME : TimestampType.CREATE_TIME;
            var records = MemoryRecords.readableRecords(bytes.slice());
            var batch = records.batches().iterator().next();
            batch.ensureValid();
            var type = batch.compressionType();
            var target = argument >> 8 == 0 ? type : CompressionType.forId((argument >> 8) - 1);
            var validator = new LogValidator(records, new TopicPartition("t", 0), time, type, Compression.of(target).build(), isCompacted,
                RecordBatch.MAGIC_VALUE_V2, timestamps, beforeMaxMs, afterMaxMs, 0, AppendOrigin.CLIENT);
            var result = validator.validateMessagesAndAssignOffsets(PrimitiveRef.ofLong(0), nothing, buffers);
            return "ok " + result.maxTimestampMs();
        } catch (RecordValidationException refused) {
            return refused.invalidException() + " at " + refused.recordErrors().stream().map(each -> each.batchIndex).toList();
        } catch (Throwable thrown) {
            return thrown.toString();
        }
    }
}
