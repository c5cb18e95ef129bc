import java.io.File;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.raft.ElectionState;
import org.apache.kafka.raft.FileQuorumStateStore;
import org.apache.kafka.raft.ReplicaKey;
import org.apache.kafka.server.common.KRaftVersion;

/** Prints the state in the file quorum-state of READ-FOLDER, and writes the states of a vote and of an election to two folders. */
public class QuorumStates {
    public static void main(String[] arguments) {
        System.out.println(store(arguments[0]).readElectionState().orElseThrow());
        var voted = ReplicaKey.of(2, Uuid.fromString("JsnUlBPkTTGYmEkjpSbhxQ"));
        store(arguments[1]).writeElectionState(ElectionState.withVotedCandidate(7, voted, Set.of()), KRaftVersion.KRAFT_VERSION_1);
        store(arguments[2]).writeElectionState(ElectionState.withElectedLeader(8, 3, Optional.of(voted), Set.of()), KRaftVersion.KRAFT_VERSION_1);
    }

    private static FileQuorumStateStore store(String folder) {
        return new FileQuorumStateStore(new File(folder, "quorum-state"));
    }
}
