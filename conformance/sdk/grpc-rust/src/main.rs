//! The Rust gRPC SDK under the suites' command; commands and events: conformance/sdk/README.md. Run: main ENDPOINT.
//! It has producers and simple consumers, no push consumer, and knows delivery times in whole seconds.
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::Write;
use std::os::fd::FromRawFd;
use std::sync::{Arc, Mutex as StdMutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rocketmq::conf::{ClientOption, ProducerOption, SimpleConsumerOption};
use rocketmq::model::common::{FilterExpression, FilterType};
use rocketmq::model::message::{MessageBuilder, MessageView};
use rocketmq::model::transaction::{Transaction, TransactionResolution};
use rocketmq::{Producer, SimpleConsumer};
use serde_json::{json, Map, Value};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::sync::{Mutex, Notify};
use tokio::task::JoinHandle;

type Failure = Box<dyn std::error::Error + Send + Sync>;
type Done = Result<(), Failure>;

/// A consumer that receives until it is told that it is over; its task answers with the consumer.
struct Running {
    over: Arc<Notify>,
    task: JoinHandle<SimpleConsumer>,
}

struct Program {
    endpoint: String,
    out: StdMutex<File>,
    producers: Mutex<HashMap<String, Arc<Producer>>>,
    running: Mutex<HashMap<String, Running>>,
    refused: StdMutex<HashSet<String>>,
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.as_millis() as i64)
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str).filter(|one| !one.is_empty())
}

fn number(value: &Value, name: &str) -> Option<i64> {
    value.get(name).and_then(Value::as_i64)
}

fn needed<'a>(value: &'a Value, name: &str) -> Result<&'a str, Failure> {
    text(value, name).ok_or_else(|| format!("{name} is missing").into())
}

impl Program {
    /// Without the members that have no value.
    fn say(&self, mut event: Value) {
        if let Some(members) = event.as_object_mut() {
            members.retain(|_, value| !value.is_null());
        }
        let _ = self.out.lock().unwrap().write_all(format!("{event}\n").as_bytes());
    }

    fn option(&self) -> ClientOption {
        let mut option = ClientOption::default();
        option.set_access_url(self.endpoint.clone());
        option.set_enable_tls(false);
        option.set_timeout(Duration::from_secs(10));
        // it is the deadline of the call as well: longer than the 20 s after which endpoints answer, lest messages come to nobody
        option.set_long_polling_timeout(Duration::from_secs(30));
        option
    }

    async fn producer(self: &Arc<Self>, topic: &str) -> Result<Arc<Producer>, Failure> {
        let mut producers = self.producers.lock().await;
        if let Some(known) = producers.get(topic) {
            return Ok(known.clone());
        }
        let mut option = ProducerOption::default();
        option.set_topics(vec![topic]);
        let program = self.clone();
        let checker = move |_: String, message: MessageView| {
            let key = message.keys().first().cloned().unwrap_or_default();
            program.say(json!({ "event": "checked", "as": message.topic(), "topic": message.topic(), "key": key, "t": now() }));
            if message.properties().get("answer").map(String::as_str) == Some("commit") { TransactionResolution::COMMIT } else { TransactionResolution::ROLLBACK }
        };
        let mut producer = Producer::new_transaction_producer(option, self.option(), Box::new(checker))?;
        producer.start().await?;
        let producer = Arc::new(producer);
        producers.insert(topic.to_string(), producer.clone());
        Ok(producer)
    }

    async fn send(self: &Arc<Self>, command: &Value) -> Done {
        let topic = needed(command, "topic")?;
        let producer = self.producer(topic).await?;
        let transaction = text(command, "mode") == Some("transaction");
        for given in command.get("messages").and_then(Value::as_array).into_iter().flatten() {
            let key = needed(given, "key")?;
            let mut builder = MessageBuilder::builder().set_topic(topic).set_keys(vec![key]).set_body(needed(given, "body")?.as_bytes().to_vec());
            if let Some(tag) = text(given, "tag") {
                builder = builder.set_tag(tag);
            }
            if let Some(shard) = text(given, "shard") {
                builder = builder.set_message_group(shard);
            }
            if let Some(properties) = given.get("properties").and_then(Value::as_object) {
                builder = builder.set_properties(strings(properties));
            }
            let t = now();
            if let Some(delay) = number(given, "delayMs") {
                builder = builder.set_delivery_timestamp((t + delay + 999) / 1000);
            }
            let id = if transaction {
                let sent = producer.send_transaction_message(builder.enable_transaction().build()?).await?;
                let id = sent.message_id().to_string();
                match text(given, "decision") {
                    Some("commit") => sent.commit().await?,
                    Some("rollback") => sent.rollback().await?,
                    _ => (),
                }
                id
            } else {
                producer.send(builder.build()?).await?.message_id().to_string()
            };
            self.say(json!({ "event": "sent", "re": command["re"], "key": key, "acknowledged": true, "msgId": id, "t": t }));
        }
        Ok(())
    }

    fn refuses(&self, command: &Value, key: &str) -> bool {
        let how = text(command, "fail").unwrap_or("never");
        let who = match how {
            "always" => return true,
            "once" if key.ends_with('0') => text(command, "as"),
            "nth" => {
                let nth: i64 = key.rsplit('-').next().and_then(|one| one.parse().ok()).unwrap_or(0);
                let (every, before) = (number(command, "failEvery").unwrap_or(1), number(command, "failBefore").unwrap_or(0));
                if nth % every != every - 1 || nth >= before {
                    return false;
                }
                text(command, "group")
            }
            _ => return false,
        };
        self.refused.lock().unwrap().insert(format!("{} {key}", who.unwrap_or_default()))
    }

    fn take(&self, command: &Value, message: &MessageView, key: &str) -> bool {
        let taken = !self.refuses(command, key);
        self.say(json!({
            "event": "received", "as": command["as"], "topic": message.topic(), "key": key, "body": String::from_utf8_lossy(message.body()), "tag": message.tag(),
            "reconsume": message.delivery_attempt() - 1, "msgId": message.message_id(), "taken": taken, "t": now(),
            "shard": message.message_group(), "properties": message.properties(), "bornHost": message.born_host(),
        }));
        taken
    }

    async fn subscribe(self: &Arc<Self>, command: Value) -> Done {
        if text(&command, "style") != Some("simple") {
            return Err("the Rust SDK has no push consumer".into());
        }
        let (name, topic) = (needed(&command, "as")?.to_string(), needed(&command, "topic")?.to_string());
        let mut option = SimpleConsumerOption::default();
        option.set_topics(vec![topic.clone()]);
        option.set_consumer_group(needed(&command, "group")?);
        let mut consumer = SimpleConsumer::new(option, self.option())?;
        consumer.start().await?;
        let over = Arc::new(Notify::new());
        let task = tokio::spawn(poll(self.clone(), command, topic, consumer, over.clone()));
        self.running.lock().await.insert(name, Running { over, task });
        Ok(())
    }

    async fn unsubscribe(&self, command: &Value) -> Done {
        let name = needed(command, "as")?;
        let running = self.running.lock().await.remove(name).ok_or("no such consumer")?;
        running.over.notify_one();
        running.task.await?.shutdown().await?;
        Ok(())
    }

    async fn run(self: &Arc<Self>, command: Value) -> Done {
        match text(&command, "do") {
            Some("send") => self.send(&command).await,
            Some("subscribe") => self.subscribe(command).await,
            Some("unsubscribe") => self.unsubscribe(&command).await,
            other => Err(format!("grpc-rust has no {}", other.unwrap_or("command")).into()),
        }
    }
}

fn strings(properties: &Map<String, Value>) -> HashMap<String, String> {
    properties.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_string())).collect()
}

/// Receives and acknowledges until it is over.
async fn poll(program: Arc<Program>, command: Value, topic: String, consumer: SimpleConsumer, over: Arc<Notify>) -> SimpleConsumer {
    let kind = if text(&command, "expressionType") == Some("SQL92") { FilterType::Sql } else { FilterType::Tag };
    let filter = FilterExpression::new(kind, text(&command, "expression").unwrap_or("*"));
    let invisible = Duration::from_millis(number(&command, "invisibleMs").unwrap_or(30_000) as u64);
    loop {
        let answer = tokio::select! {
            answer = consumer.receive_with(&topic, &filter, 8, invisible) => answer,
            _ = over.notified() => return consumer,
        };
        let messages = match answer {
            Ok(messages) => messages,
            Err(error) => {
                eprintln!("{error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        // what follows a refused message in its message group is not for now: all of it comes again
        let mut held_back = HashSet::new();
        for message in messages {
            let key = message.keys().first().cloned().unwrap_or_default();
            if message.message_group().is_some_and(|group| held_back.contains(group)) {
                continue;
            }
            if !program.take(&command, &message, &key) {
                held_back.extend(message.message_group().map(str::to_string));
                continue;
            }
            let mut event = json!({ "event": "acked", "as": command["as"], "key": key, "acknowledged": true });
            if let Err(error) = consumer.ack(&message).await {
                event["acknowledged"] = json!(false);
                event["message"] = json!(error.to_string());
            }
            program.say(event);
        }
    }
}

#[tokio::main]
async fn main() {
    // Whatever the library prints must not mix with events.
    let out = unsafe {
        let out = libc::dup(1);
        libc::dup2(2, 1);
        File::from_raw_fd(out)
    };
    let program = Arc::new(Program {
        endpoint: std::env::args().nth(1).unwrap_or_default(),
        out: StdMutex::new(out),
        producers: Mutex::default(),
        running: Mutex::default(),
        refused: StdMutex::default(),
    });
    program.say(json!({ "event": "ready", "sdk": "rust-grpc" }));
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let command: Value = match serde_json::from_str(&line) {
            Ok(command) => command,
            Err(error) => {
                program.say(json!({ "event": "error", "re": 0, "message": error.to_string() }));
                continue;
            }
        };
        if text(&command, "do") == Some("exit") {
            break;
        }
        let program = program.clone();
        tokio::spawn(async move {
            let re = command["re"].clone();
            match program.run(command).await {
                Ok(()) => program.say(json!({ "event": "done", "re": re })),
                Err(error) => program.say(json!({ "event": "error", "re": re, "message": format!("{error:?}") })),
            }
        });
    }
    std::process::exit(0);
}
