import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.rocketmq.client.apis.ClientConfiguration;
import org.apache.rocketmq.client.apis.ClientServiceProvider;
import org.apache.rocketmq.client.apis.consumer.ConsumeResult;
import org.apache.rocketmq.client.apis.consumer.FilterExpression;
import org.apache.rocketmq.client.apis.consumer.FilterExpressionType;
import org.apache.rocketmq.client.apis.consumer.LitePushConsumer;
import org.apache.rocketmq.client.apis.consumer.OffsetOption;
import org.apache.rocketmq.client.apis.consumer.SimpleConsumer;
import org.apache.rocketmq.client.apis.message.Message;
import org.apache.rocketmq.client.apis.message.MessageBuilder;
import org.apache.rocketmq.client.apis.message.MessageView;
import org.apache.rocketmq.client.apis.producer.Producer;
import org.apache.rocketmq.client.apis.producer.SendReceipt;
import org.apache.rocketmq.client.apis.producer.Transaction;
import org.apache.rocketmq.client.apis.producer.TransactionResolution;

/** The Java gRPC SDK under the suites' command; commands and events: conformance/sdk/README.md. Arguments: ENDPOINT. */
public final class GrpcProgram {
    private static final ClientServiceProvider PROVIDER = ClientServiceProvider.loadService();
    private static final Map<String, Producer> PRODUCERS = new ConcurrentHashMap<>();
    private static final Map<String, AutoCloseable> CONSUMERS = new ConcurrentHashMap<>();
    private static ClientConfiguration configuration;

    public static void main(String[] args) throws Exception {
        configuration = ClientConfiguration.newBuilder().setEndpoints(args[0]).enableSsl(false).setRequestTimeout(Duration.ofSeconds(10)).build();
        Puppet.obey("java-grpc", GrpcProgram::run);
    }

    private static void run(Map<String, Object> command, Object re) throws Exception {
        switch ((String) command.get("do")) {
            case "send":
                send(command, re);
                break;
            case "recall":
                Puppet.say("event", "recalled", "re", re, "msgId", producer((String) command.get("topic")).recallMessage((String) command.get("topic"), (String) command.get("recallHandle")).getMessageId().toString());
                break;
            case "subscribe":
                subscribe(command);
                break;
            case "subscribeLite":
                subscribeLite(command);
                break;
            case "unsubscribeLite":
                lite(command).unsubscribeLite((String) command.get("lite"));
                break;
            case "liteTopics":
                Puppet.say("event", "liteTopics", "re", re, "as", command.get("as"), "lites", List.copyOf(lite(command).getLiteTopicSet()));
                break;
            case "unsubscribe":
                CONSUMERS.remove((String) command.get("as")).close();
                break;
            default:
                throw new IllegalArgumentException("java-grpc has no " + command.get("do"));
        }
    }

    private static synchronized Producer producer(String topic) throws Exception {
        Producer known = PRODUCERS.get(topic);
        if (known == null) {
            known = PROVIDER.newProducerBuilder().setClientConfiguration(configuration).setTopics(topic).setTransactionChecker(GrpcProgram::check).build();
            PRODUCERS.put(topic, known);
        }
        return known;
    }

    /** A message says itself what a check is told. */
    private static TransactionResolution check(MessageView message) {
        Puppet.say("event", "checked", "as", message.getTopic(), "topic", message.getTopic(), "key", key(message), "t", System.currentTimeMillis());
        return "commit".equals(message.getProperties().get("answer")) ? TransactionResolution.COMMIT : TransactionResolution.ROLLBACK;
    }

    @SuppressWarnings("unchecked")
    private static void send(Map<String, Object> command, Object re) throws Exception {
        String topic = (String) command.get("topic");
        Producer producer = producer(topic);
        for (Map<String, Object> input : (List<Map<String, Object>>) (List<?>) command.get("messages")) {
            MessageBuilder builder = PROVIDER.newMessageBuilder().setTopic(topic).setKeys((String) input.get("key")).setBody(((String) input.get("body")).getBytes(StandardCharsets.UTF_8));
            if (input.get("tag") != null) {
                builder.setTag((String) input.get("tag"));
            }
            if (input.get("shard") != null) {
                builder.setMessageGroup((String) input.get("shard"));
            }
            if (input.get("lite") != null) {
                builder.setLiteTopic((String) input.get("lite"));
            }
            if (input.get("priority") != null) {
                builder.setPriority(Puppet.number(input, "priority", 0));
            }
            if (input.get("properties") != null) {
                ((Map<String, Object>) input.get("properties")).forEach((name, value) -> builder.addProperty(name, (String) value));
            }
            long t = System.currentTimeMillis();
            if (input.get("delayMs") != null) {
                builder.setDeliveryTimestamp(t + Puppet.number(input, "delayMs", 0));
            }
            Message message = builder.build();
            SendReceipt receipt;
            if ("transaction".equals(command.get("mode"))) {
                Transaction transaction = producer.beginTransaction();
                receipt = producer.send(message, transaction);
                if ("commit".equals(input.get("decision"))) {
                    transaction.commit();
                } else if ("rollback".equals(input.get("decision"))) {
                    transaction.rollback();
                }
            } else {
                receipt = producer.send(message);
            }
            Puppet.say("event", "sent", "re", re, "key", input.get("key"), "acknowledged", true, "msgId", receipt.getMessageId().toString(), "recallHandle", receipt.getRecallHandle(), "t", t);
        }
    }

    private static LitePushConsumer lite(Map<String, Object> command) {
        return (LitePushConsumer) CONSUMERS.get((String) command.get("as"));
    }

    private static void subscribeLite(Map<String, Object> command) throws Exception {
        if (command.get("from") == null) {
            lite(command).subscribeLite((String) command.get("lite"));
        } else {
            lite(command).subscribeLite((String) command.get("lite"), "min".equals(command.get("from")) ? OffsetOption.MIN_OFFSET : OffsetOption.MAX_OFFSET);
        }
    }

    private static void subscribe(Map<String, Object> command) throws Exception {
        String as = (String) command.get("as");
        String group = (String) command.get("group");
        Map<String, FilterExpression> subscription = Collections.singletonMap((String) command.get("topic"),
            new FilterExpression(command.get("expression") == null ? "*" : (String) command.get("expression"), "SQL92".equals(command.get("expressionType")) ? FilterExpressionType.SQL92 : FilterExpressionType.TAG));
        if ("lite".equals(command.get("style"))) {
            CONSUMERS.put(as, PROVIDER.newLitePushConsumerBuilder().setClientConfiguration(configuration).setConsumerGroup(group).bindTopic((String) command.get("topic"))
                .setMessageListener(message -> take(as, command, message) ? ConsumeResult.SUCCESS : ConsumeResult.FAILURE).build());
            return;
        }
        if ("simple".equals(command.get("style"))) {
            SimpleConsumer consumer = PROVIDER.newSimpleConsumerBuilder().setClientConfiguration(configuration).setConsumerGroup(group)
                .setAwaitDuration(Duration.ofSeconds(1)).setSubscriptionExpressions(subscription).build();
            CONSUMERS.put(as, consumer);
            Thread loop = new Thread(() -> poll(command, as, consumer));
            loop.setDaemon(true);
            loop.start();
            return;
        }
        CONSUMERS.put(as, PROVIDER.newPushConsumerBuilder().setClientConfiguration(configuration).setConsumerGroup(group)
            .setSubscriptionExpressions(subscription).setMessageListener(message -> take(as, command, message) ? ConsumeResult.SUCCESS : ConsumeResult.FAILURE).build());
    }

    /** Receives until the consumer has left. */
    private static void poll(Map<String, Object> command, String as, SimpleConsumer consumer) {
        Duration invisible = Duration.ofMillis(Puppet.number(command, "invisibleMs", 30_000));
        while (CONSUMERS.get(as) == consumer) {
            try {
                for (MessageView message : consumer.receive(Puppet.number(command, "batch", 8), invisible)) {
                    String key = key(message);
                    if (!take(as, command, message)) {
                        if (command.get("changeMs") != null) {
                            consumer.changeInvisibleDuration(message, Duration.ofMillis(Puppet.number(command, "changeMs", 0)));
                            Puppet.say("event", "changed", "as", as, "key", key, "t", System.currentTimeMillis());
                        }
                        continue;
                    }
                    try {
                        consumer.ack(message);
                        Puppet.say("event", "acked", "as", as, "key", key, "acknowledged", true);
                    } catch (Throwable error) {
                        Puppet.say("event", "acked", "as", as, "key", key, "acknowledged", false, "message", String.valueOf(error));
                    }
                }
            } catch (Throwable error) {
                System.err.println(error);
                try {
                    Thread.sleep(100);
                } catch (InterruptedException end) {
                    return;
                }
            }
        }
    }

    private static String key(MessageView message) {
        return message.getKeys().stream().findFirst().orElse("");
    }

    private static boolean take(String as, Map<String, Object> command, MessageView message) {
        String key = key(message);
        boolean taken = !Puppet.refuses(as, command, key);
        ByteBuffer body = message.getBody();
        Puppet.say("event", "received", "as", as, "topic", message.getTopic(), "key", key, "body", StandardCharsets.UTF_8.decode(body).toString(),
            "tag", message.getTag().orElse(null), "reconsume", message.getDeliveryAttempt() - 1, "msgId", message.getMessageId().toString(), "taken", taken, "t", System.currentTimeMillis(),
            "shard", message.getMessageGroup().orElse(null), "priority", message.getPriority().orElse(null), "properties", message.getProperties(), "bornHost", message.getBornHost(), "lite", message.getLiteTopic().orElse(null));
        return taken;
    }
}
