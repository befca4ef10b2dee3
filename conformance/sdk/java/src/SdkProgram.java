import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.StringWriter;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.MessageSelector;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/**
 * The Java SDK under the suites' command: reads one JSON command a line from stdin, drives the real client, prints one JSON
 * event a line. Commands and events: conformance/sdk/README.md. One source for the 4.9 and 5.5 clients: what moved between
 * packages is reached without naming its class. Arguments: NAMESRV.
 */
public final class SdkProgram {
    private static final PrintStream OUT = new PrintStream(new java.io.FileOutputStream(java.io.FileDescriptor.out), true, StandardCharsets.UTF_8);
    private static final Map<String, DefaultMQPushConsumer> CONSUMERS = new ConcurrentHashMap<>();
    private static final Map<String, String> TOPICS = new ConcurrentHashMap<>();
    private static final Set<String> REFUSED = ConcurrentHashMap.newKeySet();
    private static String namesrv;
    private static DefaultMQProducer producer;
    private static DefaultMQAdminExt admin;

    public static void main(String[] args) throws Exception {
        System.setOut(System.err); // whatever a library prints must not mix with events
        namesrv = args[0];
        ExecutorService workers = Executors.newCachedThreadPool(task -> {
            Thread thread = new Thread(task);
            thread.setDaemon(true);
            return thread;
        });
        say("event", "ready", "sdk", "java");
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            Map<String, Object> command = new Json(line).object();
            if ("exit".equals(command.get("do"))) {
                break;
            }
            workers.execute(() -> obey(command));
        }
        Runtime.getRuntime().halt(0);
    }

    private static void obey(Map<String, Object> command) {
        Object re = command.get("re");
        try {
            run(command, re);
            say("event", "done", "re", re);
        } catch (Throwable error) {
            StringWriter text = new StringWriter();
            error.printStackTrace(new PrintWriter(text));
            say("event", "error", "re", re, "message", text.toString());
        }
    }

    private static void run(Map<String, Object> command, Object re) throws Exception {
        String topic = (String) command.get("topic");
        String as = (String) command.get("as");
        switch ((String) command.get("do")) {
            case "createTopic": {
                TopicConfig config = new TopicConfig(topic);
                config.setReadQueueNums(number(command, "queues", 4));
                config.setWriteQueueNums(number(command, "queues", 4));
                admin().createAndUpdateTopicConfig((String) command.get("broker"), config);
                break;
            }
            case "deleteTopic":
                admin().deleteTopicInBroker(Collections.singleton((String) command.get("broker")), topic);
                deleteInNameServer(topic);
                break;
            case "listTopics":
                say("event", "topics", "re", re, "topics", new ArrayList<>(admin().fetchAllTopicList().getTopicList()));
                break;
            case "send":
                send(command, re, topic);
                break;
            case "subscribe":
                subscribe(command, as, topic);
                break;
            case "assignment": {
                List<Integer> queues = new ArrayList<>();
                DefaultMQPushConsumer consumer = CONSUMERS.get(as);
                for (MessageQueue queue : consumer.getDefaultMQPushConsumerImpl().getRebalanceImpl().getProcessQueueTable().keySet()) {
                    if (queue.getTopic().equals(TOPICS.get(as))) {
                        queues.add(queue.getQueueId());
                    }
                }
                say("event", "assigned", "re", re, "as", as, "queues", queues);
                break;
            }
            case "unsubscribe":
                CONSUMERS.remove(as).shutdown();
                break;
            case "pull":
                pull(command, as, topic);
                break;
            case "queryKey":
                for (MessageExt message : admin().queryMessage(topic, (String) command.get("key"), 32, 0, System.currentTimeMillis() + 3600_000L).getMessageList()) {
                    received(as, message, true);
                }
                break;
            case "viewId":
                received(as, admin().viewMessage(topic, (String) command.get("msgId")), true);
                break;
            default:
                throw new IllegalArgumentException("java has no " + command.get("do"));
        }
    }

    private static synchronized DefaultMQProducer producer() throws Exception {
        if (producer == null) {
            producer = new DefaultMQProducer("java_producer");
            producer.setNamesrvAddr(namesrv);
            producer.setInstanceName("producer");
            producer.setVipChannelEnabled(false);
            producer.setSendMsgTimeout(10_000);
            producer.start();
        }
        return producer;
    }

    private static synchronized DefaultMQAdminExt admin() throws Exception {
        if (admin == null) {
            admin = new DefaultMQAdminExt("java_admin");
            admin.setNamesrvAddr(namesrv);
            admin.setInstanceName("admin");
            admin.setVipChannelEnabled(false);
            admin.start();
        }
        return admin;
    }

    /** 5.x has a form with (addresses, topic); 4.9 only one with (addresses, topic, cluster). */
    private static void deleteInNameServer(String topic) throws Exception {
        Set<String> addresses = Collections.singleton(namesrv);
        try {
            DefaultMQAdminExt.class.getMethod("deleteTopicInNameServer", Set.class, String.class).invoke(admin(), addresses, topic);
        } catch (NoSuchMethodException before5) {
            DefaultMQAdminExt.class.getMethod("deleteTopicInNameServer", Set.class, String.class, String.class).invoke(admin(), addresses, topic, "DefaultCluster");
        }
    }

    private static Message message(String topic, Map<String, Object> input) {
        Message message = new Message(topic, (String) input.get("tag"), (String) input.get("key"), ((String) input.get("body")).getBytes(StandardCharsets.UTF_8));
        if (input.get("properties") != null) {
            ((Map<?, ?>) input.get("properties")).forEach((name, value) -> message.putUserProperty((String) name, (String) value));
        }
        int level = number(input, "delayLevel", 0);
        if (level > 0) {
            message.setDelayTimeLevel(level);
        }
        return message;
    }

    private static void sent(Object re, Object key, SendResult result, int index, long t) {
        String ids = result.getOffsetMsgId();
        say("event", "sent", "re", re, "key", key, "acknowledged", result.getSendStatus() == SendStatus.SEND_OK,
            "queueId", result.getMessageQueue().getQueueId(), "offset", result.getQueueOffset() + index, "msgId", ids == null ? null : ids.split(",")[index], "t", t);
    }

    @SuppressWarnings("unchecked")
    private static void send(Map<String, Object> command, Object re, String topic) throws Exception {
        List<Map<String, Object>> inputs = (List<Map<String, Object>>) (List<?>) command.get("messages");
        String mode = (String) command.get("mode");
        if ("batch".equals(mode)) {
            List<Message> batch = new ArrayList<>();
            for (Map<String, Object> input : inputs) {
                batch.add(message(topic, input));
            }
            long t = System.currentTimeMillis();
            SendResult result = producer().send(batch);
            for (int i = 0; i < inputs.size(); i++) {
                sent(re, inputs.get(i).get("key"), result, i, t);
            }
            return;
        }
        CountDownLatch open = new CountDownLatch(inputs.size());
        AtomicReference<Throwable> failure = new AtomicReference<>();
        for (Map<String, Object> input : inputs) {
            Object key = input.get("key");
            Message message = message(topic, input);
            int queueId = number(input, "queueId", -1);
            long t = System.currentTimeMillis();
            if ("oneway".equals(mode)) {
                producer().sendOneway(message);
                say("event", "sent", "re", re, "key", key, "acknowledged", false, "t", t);
                open.countDown();
            } else if ("async".equals(mode)) {
                producer().send(message, new SendCallback() {
                    @Override
                    public void onSuccess(SendResult result) {
                        sent(re, key, result, 0, t);
                        open.countDown();
                    }

                    @Override
                    public void onException(Throwable error) {
                        failure.set(error);
                        open.countDown();
                    }
                });
            } else {
                SendResult result = queueId < 0 ? producer().send(message) : producer().send(message, (queues, ignored, id) -> queues.get((Integer) id), queueId);
                sent(re, key, result, 0, t);
                open.countDown();
            }
        }
        if (!open.await(20, TimeUnit.SECONDS)) {
            throw new IllegalStateException(open.getCount() + " of " + inputs.size() + " callbacks did not come");
        }
        if (failure.get() != null) {
            throw new IllegalStateException(failure.get());
        }
    }

    private static void subscribe(Map<String, Object> command, String as, String topic) throws Exception {
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer((String) command.get("group"));
        consumer.setNamesrvAddr(namesrv);
        consumer.setInstanceName(as);
        consumer.setVipChannelEnabled(false);
        consumer.setHeartbeatBrokerInterval(5000);
        consumer.setConsumeMessageBatchMaxSize(1);
        choose(consumer, "setConsumeFromWhere", "CONSUME_FROM_FIRST_OFFSET");
        choose(consumer, "setMessageModel", "broadcasting".equals(command.get("model")) ? "BROADCASTING" : "CLUSTERING");
        consumer.setMaxReconsumeTimes(number(command, "maxReconsume", -1));
        String fail = command.get("fail") == null ? "never" : (String) command.get("fail");
        if ("SQL92".equals(command.get("expressionType"))) {
            consumer.subscribe(topic, MessageSelector.bySql((String) command.get("expression")));
        } else {
            consumer.subscribe(topic, command.get("expression") == null ? "*" : (String) command.get("expression"));
        }
        if (Boolean.TRUE.equals(command.get("orderly"))) {
            consumer.registerMessageListener((MessageListenerOrderly) (messages, context) -> {
                context.setSuspendCurrentQueueTimeMillis(200);
                return take(as, fail, messages) ? ConsumeOrderlyStatus.SUCCESS : ConsumeOrderlyStatus.SUSPEND_CURRENT_QUEUE_A_MOMENT;
            });
        } else {
            consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) ->
                take(as, fail, messages) ? ConsumeConcurrentlyStatus.CONSUME_SUCCESS : ConsumeConcurrentlyStatus.RECONSUME_LATER);
        }
        if (Boolean.TRUE.equals(command.get("serverRebalance"))) {
            // only 5.x lets the broker share queues out, by POP where that is set for the group
            consumer.getClass().getMethod("setClientRebalance", boolean.class).invoke(consumer, false);
        }
        TOPICS.put(as, topic);
        CONSUMERS.put(as, consumer);
        consumer.start();
    }

    /** Calls a setter of an enum whose package differs between releases. */
    @SuppressWarnings({"unchecked", "rawtypes"})
    private static void choose(Object target, String setter, String constant) throws Exception {
        for (var method : target.getClass().getMethods()) {
            if (method.getName().equals(setter)) {
                method.invoke(target, Enum.valueOf((Class) method.getParameterTypes()[0], constant));
                return;
            }
        }
        throw new NoSuchMethodException(setter);
    }

    private static boolean take(String as, String fail, List<MessageExt> messages) {
        boolean all = true;
        for (MessageExt message : messages) {
            boolean refuse = "always".equals(fail) || "once".equals(fail) && message.getKeys().endsWith("0") && REFUSED.add(as + message.getKeys());
            received(as, message, !refuse);
            all &= !refuse;
        }
        return all;
    }

    private static void pull(Map<String, Object> command, String as, String topic) throws Exception {
        int expect = number(command, "expect", 1);
        int got = 0;
        long end = System.currentTimeMillis() + 20_000;
        if ("lite".equals(command.get("style"))) {
            DefaultLitePullConsumer consumer = new DefaultLitePullConsumer((String) command.get("group"));
            consumer.setNamesrvAddr(namesrv);
            consumer.setInstanceName(as);
            consumer.setVipChannelEnabled(false);
            choose(consumer, "setConsumeFromWhere", "CONSUME_FROM_FIRST_OFFSET");
            consumer.subscribe(topic, "*");
            consumer.start();
            while (got < expect && System.currentTimeMillis() < end) {
                for (MessageExt message : consumer.poll(1000)) {
                    received(as, message, true);
                    got++;
                }
            }
            consumer.shutdown();
            return;
        }
        DefaultMQPullConsumer consumer = new DefaultMQPullConsumer((String) command.get("group"));
        consumer.setNamesrvAddr(namesrv);
        consumer.setInstanceName(as);
        consumer.setVipChannelEnabled(false);
        consumer.start();
        for (MessageQueue queue : consumer.fetchSubscribeMessageQueues(topic)) {
            long max = consumer.maxOffset(queue);
            for (long offset = consumer.minOffset(queue); offset < max; ) {
                PullResult result = consumer.pull(queue, "*", offset, 32);
                if (result.getMsgFoundList() != null) {
                    for (MessageExt message : result.getMsgFoundList()) {
                        received(as, message, true);
                    }
                }
                offset = result.getNextBeginOffset();
            }
            consumer.updateConsumeOffset(queue, max);
        }
        consumer.shutdown();
    }

    private static void received(String as, MessageExt message, boolean taken) {
        say("event", "received", "as", as, "topic", message.getTopic(), "key", message.getKeys(), "body", new String(message.getBody(), StandardCharsets.UTF_8),
            "tag", message.getTags(), "queueId", message.getQueueId(), "offset", message.getQueueOffset(), "reconsume", message.getReconsumeTimes(),
            "msgId", message.getMsgId(), "taken", taken, "t", System.currentTimeMillis());
    }

    private static int number(Map<String, Object> from, String name, int or) {
        Object value = from.get(name);
        return value == null ? or : ((Number) value).intValue();
    }

    private static void say(Object... members) {
        Map<String, Object> event = new LinkedHashMap<>();
        for (int i = 0; i < members.length; i += 2) {
            if (members[i + 1] != null) {
                event.put((String) members[i], members[i + 1]);
            }
        }
        String line = Json.text(event);
        synchronized (OUT) {
            OUT.println(line);
        }
    }

    /** JSON of the few shapes that commands and events have; neither release's own JSON library is in both. */
    private static final class Json {
        private final String text;
        private int at;

        Json(String text) {
            this.text = text;
        }

        Map<String, Object> object() {
            Map<String, Object> out = new LinkedHashMap<>();
            expect('{');
            while (peek() != '}') {
                String name = string();
                expect(':');
                out.put(name, value());
                if (peek() == ',') {
                    at++;
                }
            }
            at++;
            return out;
        }

        private Object value() {
            char c = peek();
            if (c == '{') {
                return object();
            }
            if (c == '"') {
                return string();
            }
            if (c == '[') {
                at++;
                List<Object> out = new ArrayList<>();
                while (peek() != ']') {
                    out.add(value());
                    if (peek() == ',') {
                        at++;
                    }
                }
                at++;
                return out;
            }
            int start = at;
            while (",]}".indexOf(text.charAt(at)) < 0) {
                at++;
            }
            String word = text.substring(start, at).trim();
            return switch (word) {
                case "true" -> Boolean.TRUE;
                case "false" -> Boolean.FALSE;
                case "null" -> null;
                default -> Long.valueOf(word);
            };
        }

        private String string() {
            expect('"');
            StringBuilder out = new StringBuilder();
            for (char c = text.charAt(at++); c != '"'; c = text.charAt(at++)) {
                if (c != '\\') {
                    out.append(c);
                    continue;
                }
                c = text.charAt(at++);
                if (c == 'u') {
                    out.append((char) Integer.parseInt(text.substring(at, at + 4), 16));
                    at += 4;
                } else {
                    out.append(c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c);
                }
            }
            return out.toString();
        }

        private char peek() {
            while (text.charAt(at) == ' ') {
                at++;
            }
            return text.charAt(at);
        }

        private void expect(char c) {
            if (peek() != c) {
                throw new IllegalArgumentException("no " + c + " at " + at + " of " + text);
            }
            at++;
        }

        static String text(Object value) {
            if (value instanceof Map<?, ?> map) {
                List<String> parts = new ArrayList<>();
                map.forEach((name, member) -> parts.add(text(name) + ":" + text(member)));
                return "{" + String.join(",", parts) + "}";
            }
            if (value instanceof Collection<?> list) {
                List<String> parts = new ArrayList<>();
                list.forEach(member -> parts.add(text(member)));
                return "[" + String.join(",", parts) + "]";
            }
            if (value instanceof Number || value instanceof Boolean) {
                return value.toString();
            }
            StringBuilder out = new StringBuilder("\"");
            for (char c : value.toString().toCharArray()) {
                if (c == '"' || c == '\\') {
                    out.append('\\').append(c);
                } else if (c < ' ') {
                    out.append(String.format("\\u%04x", (int) c));
                } else {
                    out.append(c);
                }
            }
            return out.append('"').toString();
        }
    }
}
