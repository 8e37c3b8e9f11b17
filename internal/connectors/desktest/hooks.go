package desktest

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Webhook is one receiver of events.
type Webhook struct {
	URL string
	// Secret signs each delivery, as the desk does it; "" signs none.
	Secret string
	// Events are those that it is told, by the desk's names; nil for every one.
	Events []string
	// RetryDelay is the pause before each repetition; 2 s when 0.
	RetryDelay time.Duration
}

// HookFaults are the ways in which webhooks go wrong; the zero value is none. A fake embeds them in its own faults.
type HookFaults struct {
	// LoseWebhooks loses so many events, all when negative; DoubleWebhooks delivers each twice with one identifier;
	// ReorderWebhooks delivers each second event before the first; ForgeWebhooks signs with a wrong secret;
	// DelayWebhooksMS delivers so many milliseconds later.
	LoseWebhooks    int  `json:"lose_webhooks,omitempty"`
	DoubleWebhooks  bool `json:"double_webhooks,omitempty"`
	ReorderWebhooks bool `json:"reorder_webhooks,omitempty"`
	ForgeWebhooks   bool `json:"forge_webhooks,omitempty"`
	DelayWebhooksMS int  `json:"delay_webhooks_ms,omitempty"`
}

// HooksConfig is how a desk delivers. Headers and Log are required.
type HooksConfig struct {
	// Webhooks are open from the start.
	Webhooks []Webhook
	// Repeats is how often a delivery that is not taken is repeated.
	Repeats int
	// Headers sets the headers of one post, but for the content type, which is JSON.
	Headers func(http.Header, Post)
	// Log is told about events that are not delivered.
	Log *slog.Logger
}

// Post is one attempt to deliver an event.
type Post struct {
	// ID is the event's, the same in all attempts and at all webhooks, and unique over restarts.
	ID   string
	Body []byte
	// Attempt is 0 for the first.
	Attempt int
	// Secret is what the post is signed with; "" for none.
	Secret string
}

// Hooks deliver events to webhooks, in order at each. They are safe for concurrent use. Close them when they are no longer
// needed.
type Hooks struct {
	cfg     HooksConfig
	deliver *deliverer
	queues  []*Queue
	// site makes ids unique over restarts.
	site string

	mu     sync.Mutex
	faults HookFaults
	// events counts them; held waits to be overtaken.
	events int
	held   []delivery
}

// NewHooks opens the webhooks of the configuration.
func NewHooks(cfg HooksConfig) *Hooks {
	h := &Hooks{cfg: cfg, deliver: newDeliverer(cfg), site: rand.Text()}
	for _, hook := range cfg.Webhooks {
		h.queues = append(h.queues, h.Open(hook))
	}
	return h
}

// Open begins to deliver to a webhook, until the queue is closed or the hooks are.
func (h *Hooks) Open(w Webhook) *Queue { return h.deliver.open(w) }

// Close ends all deliveries. Undelivered events are lost. It is safe to repeat.
func (h *Hooks) Close() { h.deliver.close() }

// Receivers returns those webhooks of the configuration that want an event.
func (h *Hooks) Receivers(event string) []*Queue {
	return slices.DeleteFunc(slices.Clone(h.queues), func(q *Queue) bool {
		return q.hook.Events != nil && !slices.Contains(q.hook.Events, event)
	})
}

// SetFaults replaces the faults. An event that waits to be overtaken is delivered, unless it shall still wait.
func (h *Hooks) SetFaults(f HookFaults) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.faults = f
	if !f.ReorderWebhooks {
		h.deliver.add(h.held)
		h.held = nil
	}
}

// Faults returns what is switched on now; LoseWebhooks is how many events are still to be lost.
func (h *Hooks) Faults() HookFaults {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.faults
}

// Announce delivers an event to webhooks, unless a fault loses it. body returns what is sent, as a value that becomes JSON;
// it is asked only for an event that is sent.
func (h *Hooks) Announce(to []*Queue, body func() any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(to) == 0 || h.loses() {
		return
	}
	raw, err := json.Marshal(body())
	if err != nil {
		h.cfg.Log.Error("webhook not encoded", "error", err)
		return
	}
	h.events++
	one := delivery{
		id: fmt.Sprintf("%s-%d", h.site, h.events), body: raw, forged: h.faults.ForgeWebhooks, to: to,
		delay: time.Duration(h.faults.DelayWebhooksMS) * time.Millisecond,
	}
	batch := []delivery{one}
	if h.faults.DoubleWebhooks {
		batch = append(batch, one)
	}
	if h.faults.ReorderWebhooks && h.held == nil {
		h.held = batch
		return
	}
	h.deliver.add(append(batch, h.held...))
	h.held = nil
}

func (h *Hooks) loses() bool {
	if h.faults.LoseWebhooks > 0 {
		h.faults.LoseWebhooks--
		return true
	}
	return h.faults.LoseWebhooks < 0
}
