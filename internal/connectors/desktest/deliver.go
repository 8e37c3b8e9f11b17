package desktest

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"net/http"
	"sync"
	"time"
)

// deliveryTimeout is how long an answer is waited for.
const deliveryTimeout = 20 * time.Second

// answerLimit is how much of an answer is read.
const answerLimit = 1 << 20

// delivery is one event for one or more webhooks. id is the same in all repetitions.
type delivery struct {
	id     string
	body   []byte
	forged bool
	delay  time.Duration
	to     []*Queue
}

// lifetime is the context of the deliveries: it ends when the server is closed, and nobody else's ends it.
type lifetime struct{ done chan struct{} }

// Deadline implements context.Context.
func (l lifetime) Deadline() (time.Time, bool) { return time.Time{}, false }

// Done implements context.Context.
func (l lifetime) Done() <-chan struct{} { return l.done }

// Value implements context.Context.
func (l lifetime) Value(any) any { return nil }

// Err implements context.Context.
func (l lifetime) Err() error {
	select {
	case <-l.done:
		return context.Canceled
	default:
		return nil
	}
}

// deliverer posts events, in order, with one goroutine for each webhook.
type deliverer struct {
	cfg    HooksConfig
	client *http.Client
	life   lifetime
	once   sync.Once
	wg     sync.WaitGroup
}

// Queue is what one webhook has not been told yet. Close ends its deliveries.
type Queue struct {
	hook Webhook
	// wake holds a value when there may be something to deliver.
	wake    chan struct{}
	ended   chan struct{}
	once    sync.Once
	mu      sync.Mutex
	pending []delivery
}

func newDeliverer(cfg HooksConfig) *deliverer {
	return &deliverer{cfg: cfg, client: &http.Client{Timeout: deliveryTimeout}, life: lifetime{done: make(chan struct{})}}
}

func (d *deliverer) open(hook Webhook) *Queue {
	q := &Queue{hook: hook, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	d.wg.Go(func() { d.work(q) })
	return q
}

// Close ends the deliveries to the webhook. It is safe to repeat.
func (q *Queue) Close() { q.once.Do(func() { close(q.ended) }) }

func (d *deliverer) close() {
	d.once.Do(func() { close(d.life.done) })
	d.wg.Wait()
}

func (d *deliverer) add(batch []delivery) {
	for _, one := range batch {
		for _, q := range one.to {
			q.push(one)
		}
	}
}

func (q *Queue) push(one delivery) {
	q.mu.Lock()
	q.pending = append(q.pending, one)
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *Queue) pop() (delivery, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.pending) == 0 {
		return delivery{}, false
	}
	next := q.pending[0]
	q.pending = q.pending[1:]
	return next, true
}

func (d *deliverer) work(q *Queue) {
	for {
		next, found := q.pop()
		if found && !q.isClosed() && d.wait(next.delay) {
			d.deliver(q.hook, next)
		}
		if d.life.Err() != nil || q.isClosed() {
			return
		}
		if found {
			continue
		}
		select {
		case <-q.wake:
		case <-q.ended:
			return
		case <-d.life.Done():
			return
		}
	}
}

func (q *Queue) isClosed() bool {
	select {
	case <-q.ended:
		return true
	default:
		return false
	}
}

// deliver posts one event until it is taken, refused for good, or repeated often enough.
func (d *deliverer) deliver(hook Webhook, one delivery) {
	for attempt := 0; ; attempt++ {
		status, err := d.post(hook, one, attempt)
		if err == nil && !repeatable(status) {
			return
		}
		if attempt == d.cfg.Repeats || !d.wait(cmp.Or(hook.RetryDelay, 2*time.Second)) {
			d.cfg.Log.Warn("webhook not delivered", "delivery", one.id, "status", status)
			return
		}
	}
}

func (d *deliverer) wait(delay time.Duration) bool {
	t := time.NewTimer(delay)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-d.life.Done():
		return false
	}
}

func repeatable(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return status >= http.StatusInternalServerError
}

func (d *deliverer) post(hook Webhook, one delivery, attempt int) (int, error) {
	r, err := http.NewRequestWithContext(d.life, http.MethodPost, hook.URL, bytes.NewReader(one.body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json;charset=UTF-8")
	secret := hook.Secret
	if one.forged && secret != "" {
		secret += " is not the secret"
	}
	d.cfg.Headers(r.Header, Post{ID: one.id, Body: one.body, Attempt: attempt, Secret: secret})
	resp, err := d.client.Do(r)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	// The answer's body means nothing; reading it lets the connection be used again.
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, answerLimit))
	return resp.StatusCode, nil
}
