// The Go gRPC SDK under the suites' command; commands and events: conformance/sdk/README.md. Run: main ENDPOINT.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	rmq "github.com/apache/rocketmq-clients/golang/v5"
	"github.com/apache/rocketmq-clients/golang/v5/credentials"
)

type message struct {
	Key        string            `json:"key"`
	Body       string            `json:"body"`
	Tag        string            `json:"tag"`
	Shard      string            `json:"shard"`
	DelayMs    *int64            `json:"delayMs"`
	Decision   string            `json:"decision"`
	Priority   *int32            `json:"priority"`
	Properties map[string]string `json:"properties"`
}

type command struct {
	Re             int       `json:"re"`
	Do             string    `json:"do"`
	As             string    `json:"as"`
	Topic          string    `json:"topic"`
	Group          string    `json:"group"`
	Mode           string    `json:"mode"`
	Expression     string    `json:"expression"`
	ExpressionType string    `json:"expressionType"`
	RecallHandle   string    `json:"recallHandle"`
	ChangeMs       int64     `json:"changeMs"`
	Batch          int32     `json:"batch"`
	Style          string    `json:"style"`
	InvisibleMs    int64     `json:"invisibleMs"`
	Fail           string    `json:"fail"`
	FailEvery      int       `json:"failEvery"`
	FailBefore     int       `json:"failBefore"`
	Messages       []message `json:"messages"`
}

type event map[string]interface{}

var (
	endpoint  string
	outLock   sync.Mutex
	lock      sync.Mutex
	producers = map[string]rmq.Producer{}
	leave     = map[string]func() error{}
	refused   = map[string]bool{}
)

func say(e event) {
	line, _ := json.Marshal(e)
	outLock.Lock()
	defer outLock.Unlock()
	os.Stdout.Write(append(line, '\n'))
}

func now() int64 { return time.Now().UnixMilli() }

func config(group string) *rmq.Config {
	return &rmq.Config{Endpoint: endpoint, ConsumerGroup: group, Credentials: &credentials.SessionCredentials{}}
}

func producerOf(topic string) (rmq.Producer, error) {
	lock.Lock()
	defer lock.Unlock()
	if known := producers[topic]; known != nil {
		return known, nil
	}
	p, err := rmq.NewProducer(config(""), rmq.WithTopics(topic), rmq.WithTransactionChecker(&rmq.TransactionChecker{
		Check: check,
	}))
	if err != nil {
		return nil, err
	}
	if err := p.Start(); err != nil {
		return nil, err
	}
	producers[topic] = p
	return p, nil
}

// check does as the message itself says.
func check(m *rmq.MessageView) rmq.TransactionResolution {
	say(event{"event": "checked", "as": m.GetTopic(), "topic": m.GetTopic(), "key": keyOf(m), "t": now()})
	if m.GetProperties()["answer"] == "commit" {
		return rmq.COMMIT
	}
	return rmq.ROLLBACK
}

func recall(c command) error {
	p, err := producerOf(c.Topic)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	id, err := p.Recall(ctx, c.Topic, c.RecallHandle)
	if err == nil {
		say(event{"event": "recalled", "re": c.Re, "msgId": id})
	}
	return err
}

func send(c command) error {
	p, err := producerOf(c.Topic)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for _, input := range c.Messages {
		m := &rmq.Message{Topic: c.Topic, Body: []byte(input.Body)}
		m.SetKeys(input.Key)
		if input.Tag != "" {
			m.SetTag(input.Tag)
		}
		if input.Shard != "" {
			m.SetMessageGroup(input.Shard)
		}
		if input.DelayMs != nil {
			m.SetDelayTimestamp(time.Now().Add(time.Duration(*input.DelayMs) * time.Millisecond))
		}
		if input.Priority != nil {
			if err := m.SetPriority(*input.Priority); err != nil {
				return err
			}
		}
		for name, value := range input.Properties {
			m.AddProperty(name, value)
		}
		t := now()
		var receipts []*rmq.SendReceipt
		if c.Mode == "transaction" {
			transaction := p.BeginTransaction()
			receipts, err = p.SendWithTransaction(ctx, m, transaction)
			if err == nil && input.Decision == "commit" {
				err = transaction.Commit()
			} else if err == nil && input.Decision == "rollback" {
				err = transaction.RollBack()
			}
		} else {
			receipts, err = p.Send(ctx, m)
		}
		if err != nil {
			return err
		}
		id, handle := "", ""
		if len(receipts) > 0 {
			id, handle = receipts[0].MessageID, receipts[0].RecallHandle
		}
		say(event{"event": "sent", "re": c.Re, "key": input.Key, "acknowledged": true, "msgId": id, "recallHandle": handle, "t": t})
	}
	return nil
}

func refuses(c command, key string) bool {
	name := c.As + key
	switch c.Fail {
	case "always":
		return true
	case "once":
		if !strings.HasSuffix(key, "0") {
			return false
		}
	case "nth":
		nth := 0
		fmt.Sscan(key[strings.LastIndex(key, "-")+1:], &nth)
		if nth%c.FailEvery != c.FailEvery-1 || nth >= c.FailBefore {
			return false
		}
		name = c.Group + " " + key
	default:
		return false
	}
	lock.Lock()
	defer lock.Unlock()
	before := refused[name]
	refused[name] = true
	return !before
}

func keyOf(m *rmq.MessageView) string {
	if keys := m.GetKeys(); len(keys) > 0 {
		return keys[0]
	}
	return ""
}

func take(c command, m *rmq.MessageView) bool {
	key := keyOf(m)
	taken := !refuses(c, key)
	e := event{"event": "received", "as": c.As, "topic": m.GetTopic(), "key": key, "body": string(m.GetBody()),
		"reconsume": m.GetDeliveryAttempt() - 1, "msgId": m.GetMessageId(), "taken": taken, "t": now(), "properties": m.GetProperties()}
	if group := m.GetMessageGroup(); group != nil {
		e["shard"] = *group
	}
	if host := m.GetBornHost(); host != nil {
		e["bornHost"] = *host
	}
	if tag := m.GetTag(); tag != nil {
		e["tag"] = *tag
	}
	say(e)
	return taken
}

func subscribe(c command) error {
	expression := c.Expression
	if expression == "" {
		expression = "*"
	}
	kind := rmq.TAG
	if c.ExpressionType == "SQL92" {
		kind = rmq.SQL92
	}
	filter := map[string]*rmq.FilterExpression{c.Topic: rmq.NewFilterExpressionWithType(expression, kind)}
	if c.Style == "simple" {
		sc, err := rmq.NewSimpleConsumer(config(c.Group), rmq.WithSimpleAwaitDuration(5*time.Second), rmq.WithSimpleSubscriptionExpressions(filter))
		if err != nil {
			return err
		}
		if err := sc.Start(); err != nil {
			return err
		}
		over := make(chan struct{})
		idle := make(chan struct{})
		go poll(c, sc, over, idle)
		lock.Lock()
		leave[c.As] = func() error { close(over); <-idle; return sc.GracefulStop() }
		lock.Unlock()
		return nil
	}
	pc, err := rmq.NewPushConsumer(config(c.Group), rmq.WithPushAwaitDuration(5*time.Second), rmq.WithPushSubscriptionExpressions(filter),
		rmq.WithPushMessageListener(&rmq.FuncMessageListener{Consume: func(m *rmq.MessageView) rmq.ConsumerResult {
			if take(c, m) {
				return rmq.SUCCESS
			}
			return rmq.FAILURE
		}}))
	if err != nil {
		return err
	}
	if err := pc.Start(); err != nil {
		return err
	}
	lock.Lock()
	leave[c.As] = pc.GracefulStop
	lock.Unlock()
	return nil
}

// poll receives until it is told that it is over.
func poll(c command, sc rmq.SimpleConsumer, over, idle chan struct{}) {
	defer close(idle)
	ctx := context.Background()
	batch := c.Batch
	if batch == 0 {
		batch = 8
	}
	for {
		select {
		case <-over:
			return
		default:
		}
		messages, err := sc.Receive(ctx, batch, time.Duration(c.InvisibleMs)*time.Millisecond)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			time.Sleep(50 * time.Millisecond)
			continue
		}
		for _, m := range messages {
			if !take(c, m) {
				if c.ChangeMs > 0 && sc.ChangeInvisibleDuration(m, time.Duration(c.ChangeMs)*time.Millisecond) == nil {
					say(event{"event": "changed", "as": c.As, "key": keyOf(m), "t": now()})
				}
				continue
			}
			e := event{"event": "acked", "as": c.As, "key": keyOf(m), "acknowledged": true}
			if err := sc.Ack(ctx, m); err != nil {
				e["acknowledged"], e["message"] = false, err.Error()
			}
			say(e)
		}
	}
}

func run(c command) error {
	switch c.Do {
	case "send":
		return send(c)
	case "recall":
		return recall(c)
	case "subscribe":
		return subscribe(c)
	case "unsubscribe":
		lock.Lock()
		end := leave[c.As]
		delete(leave, c.As)
		lock.Unlock()
		return end()
	}
	return fmt.Errorf("go-grpc has no %s", c.Do)
}

func main() {
	rmq.EnableSsl = false
	rmq.ResetLogger()
	endpoint = os.Args[1]
	say(event{"event": "ready", "sdk": "go-grpc"})
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 0, 65536), 16*1024*1024)
	for lines.Scan() {
		var c command
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			say(event{"event": "error", "re": 0, "message": err.Error()})
			continue
		}
		if c.Do == "exit" {
			os.Exit(0)
		}
		go func() {
			if err := run(c); err != nil {
				say(event{"event": "error", "re": c.Re, "message": err.Error()})
				return
			}
			say(event{"event": "done", "re": c.Re})
		}()
	}
	os.Exit(0)
}
