/*
 * Asks Apache's own RemotingCommand: each line of stdin is a question, each line of stdout its answer. Texts are hexadecimal UTF-16, "-" where there is none.
 *
 *   encode TYPE CODE LANGUAGE VERSION OPAQUE FLAG REMARK BODY NAME=VALUE,...    the frame, hexadecimal
 *   decode FRAME                                                               the same words, names in order; or refused
 *   tags TEXT                                                                  MessageExtBrokerInner#tagsString2tagsCode
 */
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import org.apache.rocketmq.common.message.MessageExtBrokerInner;
import org.apache.rocketmq.remoting.protocol.LanguageCode;
import org.apache.rocketmq.remoting.protocol.RemotingCommand;
import org.apache.rocketmq.remoting.protocol.SerializeType;

public class HeaderOracle {
    public static void main(String[] args) throws Exception {
        Questions.answerAll(HeaderOracle::answer);
    }

    static String answer(String[] words) {
        switch (words[0]) {
            case "encode":
                return encode(words);
            case "decode":
                try {
                    ByteBuffer frame = ByteBuffer.wrap(Questions.bytes(words[1]));
                    frame.getInt();
                    return shown(RemotingCommand.decode(frame.slice()));
                } catch (Throwable e) {
                    return "refused";
                }
            case "tags":
                return String.valueOf(MessageExtBrokerInner.tagsString2tagsCode(Questions.text(words[1])));
            default:
                return "unknown " + words[0];
        }
    }

    static String encode(String[] words) {
        RemotingCommand command = RemotingCommand.createRequestCommand(Integer.parseInt(words[2]), null);
        command.setSerializeTypeCurrentRPC(SerializeType.valueOf(words[1]));
        command.setLanguage(LanguageCode.valueOf(words[3]));
        command.setVersion(Integer.parseInt(words[4]));
        command.setOpaque(Integer.parseInt(words[5]));
        command.setFlag(Integer.parseInt(words[6]));
        command.setRemark(words[7].equals("-") ? null : Questions.text(words[7]));
        if (!words[8].isEmpty()) command.setBody(Questions.bytes(words[8]));
        if (!words[9].isEmpty()) {
            HashMap<String, String> fields = new HashMap<>();
            for (String pair : words[9].split(",")) {
                String[] parts = pair.split("=", -1);
                fields.put(Questions.text(parts[0]), Questions.text(parts[1]));
            }
            command.setExtFields(fields);
        }
        ByteBuffer frame = command.encode();
        byte[] out = new byte[frame.remaining()];
        frame.get(out);
        return Questions.hex(out);
    }

    static String shown(RemotingCommand command) {
        StringBuilder fields = new StringBuilder();
        if (command.getExtFields() != null) {
            TreeMap<String, String> sorted = new TreeMap<>();
            for (Map.Entry<String, String> one : command.getExtFields().entrySet()) {
                // The binary form reads an empty text as null, which is to every header as if the field were not there.
                if (one.getKey() != null && one.getValue() != null) sorted.put(Questions.hex(one.getKey()), Questions.hex(one.getValue()));
            }
            for (Map.Entry<String, String> one : sorted.entrySet()) fields.append(fields.length() == 0 ? "" : ",").append(one.getKey()).append('=').append(one.getValue());
        }
        return command.getSerializeTypeCurrentRPC() + " " + command.getCode() + " " + command.getLanguage() + " " + command.getVersion() + " " + command.getOpaque() + " "
            + command.getFlag() + " " + (command.getRemark() == null ? "-" : Questions.hex(command.getRemark())) + " " + (command.getBody() == null ? "" : Questions.hex(command.getBody())) + " " + fields;
    }
}
