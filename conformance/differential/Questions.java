import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/** What the oracles share: questions on stdin, a line each, answers on stdout, and texts as hexadecimal UTF-16, so that any character may stand in them. */
final class Questions {
    interface Answerer {
        String answer(String[] words) throws Exception;
    }

    private Questions() {
    }

    static void answerAll(Answerer answerer) throws Exception {
        // Apache's logging writes to stdout as it starts.
        PrintStream answers = System.out;
        System.setOut(System.err);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        StringBuilder out = new StringBuilder();
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            out.append(answerer.answer(line.split(" ", -1))).append('\n');
            if (!in.ready()) {
                answers.print(out);
                answers.flush();
                out.setLength(0);
            }
        }
        answers.print(out);
        answers.flush();
        System.exit(0);
    }

    static String text(String hex) {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i + 4 <= hex.length(); i += 4) out.append((char) Integer.parseInt(hex.substring(i, i + 4), 16));
        return out.toString();
    }

    static String hex(String text) {
        StringBuilder out = new StringBuilder();
        for (char c : text.toCharArray()) digits(out, c, 12);
        return out.toString();
    }

    static byte[] bytes(String hex) {
        byte[] out = new byte[hex.length() / 2];
        for (int i = 0; i < out.length; i++) out[i] = (byte) Integer.parseInt(hex.substring(2 * i, 2 * i + 2), 16);
        return out;
    }

    static String hex(byte[] bytes) {
        StringBuilder out = new StringBuilder();
        for (byte b : bytes) digits(out, b & 0xff, 4);
        return out.toString();
    }

    private static void digits(StringBuilder out, int value, int shift) {
        for (; shift >= 0; shift -= 4) out.append(Character.forDigit(value >> shift & 15, 16));
    }
}
