"""The Python gRPC SDK under the suites' command; commands and events: conformance/sdk/README.md. Run: main.py ENDPOINT."""
import json
import os
import sys
import threading
import time

from rocketmq import (ClientConfiguration, ConsumeResult, Credentials, FilterExpression, Message, MessageListener, Producer, PushConsumer,
                      SimpleConsumer, TransactionChecker, TransactionResolution)
from rocketmq.grpc_protocol import FilterType

out = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)  # whatever a library prints must not mix with events
out_lock = threading.Lock()
lock = threading.Lock()
configuration = ClientConfiguration(sys.argv[1], Credentials(), request_timeout=10)
producers = {}
leave = {}
refused = set()


def say(**event):
    with out_lock:
        out.write(json.dumps({name: value for name, value in event.items() if value is not None}) + "\n")
        out.flush()


def now():
    return int(time.time() * 1000)


class Checker(TransactionChecker):
    """A message says itself what a check is told."""

    def check(self, message):
        say(event="checked", **{"as": message.topic}, topic=message.topic, key=key_of(message), t=now())
        return TransactionResolution.COMMIT if message.properties.get("answer") == "commit" else TransactionResolution.ROLLBACK


def producer_of(topic):
    with lock:
        if topic not in producers:
            producer = Producer(configuration, (topic,), checker=Checker())
            producer.startup()
            producers[topic] = producer
        return producers[topic]


def send(c):
    producer = producer_of(c["topic"])
    for given in c["messages"]:
        message = Message()
        message.topic = c["topic"]
        message.body = given["body"].encode()
        message.keys = given["key"]
        if given.get("tag"):
            message.tag = given["tag"]
        if given.get("shard"):
            message.message_group = given["shard"]
        if given.get("priority") is not None:
            message.priority = given["priority"]
        for name, value in given.get("properties", {}).items():
            message.add_property(name, value)
        t = now()
        if given.get("delayMs") is not None:
            message.delivery_timestamp = -(-(t + given["delayMs"]) // 1000)  # whole seconds: the library knows no others
        if c["mode"] == "transaction":
            transaction = producer.begin_transaction()
            receipt = producer.send(message, transaction)
            if given["decision"] == "commit":
                transaction.commit()
            elif given["decision"] == "rollback":
                transaction.rollback()
        else:
            receipt = producer.send(message)
        say(event="sent", re=c["re"], key=given["key"], acknowledged=True, msgId=receipt.message_id, recallHandle=receipt.recall_handle or None, t=t)


def recall(c):
    receipt = producer_of(c["topic"]).recall_message(c["topic"], c["recallHandle"])
    say(event="recalled", re=c["re"], msgId=str(receipt))


def refuses(c, key):
    how = c.get("fail", "never")
    if how == "always":
        return True
    name = (c["as"] if how == "once" else c["group"]) + " " + key
    if how == "nth":
        nth = int(key.rsplit("-", 1)[-1])
        if nth % c["failEvery"] != c["failEvery"] - 1 or nth >= c["failBefore"]:
            return False
    elif how != "once" or not key.endswith("0"):
        return False
    with lock:
        before = name in refused
        refused.add(name)
        return not before


def key_of(message):
    return next(iter(message.keys), "")


def take(c, message):
    key = key_of(message)
    taken = not refuses(c, key)
    say(event="received", **{"as": c["as"]}, topic=message.topic, key=key, body=bytes(message.body).decode(), tag=message.tag or None,
        reconsume=(message.delivery_attempt or 1) - 1, msgId=message.message_id, taken=taken, t=now(),
        shard=message.message_group or None, priority=message.priority, properties=dict(message.properties or {}), bornHost=message.born_host)
    return taken


class Listener(MessageListener):
    def __init__(self, command):
        self.command = command

    def consume(self, message):
        return ConsumeResult.SUCCESS if take(self.command, message) else ConsumeResult.FAILURE


def subscribe(c):
    subscription = {c["topic"]: FilterExpression(c.get("expression") or "*", FilterType.SQL if c.get("expressionType") == "SQL92" else FilterType.TAG)}
    if c.get("style") == "simple":
        consumer = SimpleConsumer(configuration, c["group"], subscription, await_duration=1)
        consumer.startup()
        over = threading.Event()
        loop = threading.Thread(target=poll, args=(c, consumer, over), daemon=True)
        loop.start()

        def end():
            over.set()
            loop.join()
            consumer.shutdown()
        leave[c["as"]] = end
        return
    consumer = PushConsumer(configuration, c["group"], Listener(c), subscription)
    consumer.startup()
    leave[c["as"]] = consumer.shutdown


def poll(c, consumer, over):
    while not over.is_set():
        try:
            for message in consumer.receive(c.get("batch", 8), max(1, c["invisibleMs"] // 1000)) or []:
                if not take(c, message):
                    if c.get("changeMs"):
                        consumer.change_invisible_duration(message, max(1, c["changeMs"] // 1000))
                        say(event="changed", **{"as": c["as"]}, key=key_of(message), t=now())
                    continue
                try:
                    consumer.ack(message)
                    say(event="acked", **{"as": c["as"]}, key=key_of(message), acknowledged=True)
                except Exception as error:
                    say(event="acked", **{"as": c["as"]}, key=key_of(message), acknowledged=False, message=str(error))
        except Exception as error:
            print(error, file=sys.stderr)
            time.sleep(0.1)


def unsubscribe(c):
    leave.pop(c["as"])()


commands = {"send": send, "recall": recall, "subscribe": subscribe, "unsubscribe": unsubscribe}


def obey(c):
    try:
        commands[c["do"]](c)
        say(event="done", re=c["re"])
    except Exception as error:
        say(event="error", re=c["re"], message=f"{type(error).__name__}: {error}")


say(event="ready", sdk="python-grpc")
for line in sys.stdin:
    command = json.loads(line)
    if command["do"] == "exit":
        break
    threading.Thread(target=obey, args=(command,), daemon=True).start()
os._exit(0)
